// name: Hello World
// description: Simple console output - perfect for testing
// category: basics
// difficulty: beginner

console.log('Hello, World!');
