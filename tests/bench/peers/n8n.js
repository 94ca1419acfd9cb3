'use strict';
/* The n8n JavaScript task runner, driven as n8n drives it: the runner is a process of its own that connects to a broker by
 * WebSocket and offers to take tasks; this is a broker with one kind of task. Executions share the runner's heap. */
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { WebSocketServer } = require('ws');
const { serve } = require('./front.js');

const START = require.resolve('@n8n/task-runner/start');
const NODE = { id: '1', name: 'Code', type: 'n8n-nodes-base.code', typeVersion: 2, position: [0, 0], parameters: {} };
const DATA = {
  workflow: { id: '1', name: 'bench', active: false, nodes: [NODE], connections: {}, staticData: {}, settings: {} },
  inputData: { main: [[{ json: {} }]] },
  node: NODE,
  connectionInputSource: null,
  runExecutionData: { resultData: { runData: {} } },
  runIndex: 0,
  itemIndex: 0,
  activeNodeName: NODE.name,
  contextNodeName: NODE.name,
  siblingParameters: {},
  mode: 'manual',
  defaultReturnRunIndex: -1,
  selfData: {},
  additionalData: { formResumeUrl: '', restApiUrl: '', webhookBaseUrl: '', variables: {} },
  envProviderState: { env: {}, isEnvAccessBlocked: true, isProcessAvailable: false },
};
const settings = (code) => ({
  code: `const results = {};\n${code}\nreturn [{ json: results }];`,
  nodeMode: 'runOnceForAllItems',
  workflowMode: 'manual',
  continueOnFail: false,
});

const offers = [], waiting = [], tasks = new Map();
let socket, last = 0;

const send = (message) => socket.send(JSON.stringify(message));

function match() {
  while (waiting.length > 0) {
    const offer = offers.shift();
    if (offer === undefined) return;
    if (offer.until < Date.now()) continue;
    const task = waiting.shift(), taskId = String(++last);
    tasks.set(taskId, task);
    send({ type: 'broker:taskofferaccept', offerId: offer.id, taskId });
  }
}

const unquoted = (part) => part.replace(/^'([^]*)'$/, '$1'); // the runner puts strings between quotes

const HEARD = {
  'runner:info': () => send({ type: 'broker:runnerregistered' }),
  'runner:taskoffer': ({ offerId, validFor }) => { offers.push({ id: offerId, until: Date.now() + validFor }); match(); },
  'runner:taskaccepted': ({ taskId }) => send({ type: 'broker:tasksettings', taskId, settings: tasks.get(taskId).settings }),
  'runner:taskrejected': ({ taskId }) => { waiting.unshift(tasks.get(taskId)); tasks.delete(taskId); match(); },
  'runner:taskdatarequest': ({ taskId, requestId }) => send({ type: 'broker:taskdataresponse', taskId, requestId, data: DATA }),
  'runner:nodetypesrequest': ({ taskId, requestId }) => send({ type: 'broker:nodetypes', taskId, requestId, nodeTypes: [] }),
  'runner:rpc': ({ taskId, callId, name, params }) => {
    if (name === 'logNodeOutput') tasks.get(taskId)?.logs.push(params.map(unquoted).join(' '));
    send({ type: 'broker:rpcresponse', taskId, callId, status: 'success', data: {} });
  },
  'runner:taskdone': ({ taskId, data }) => {
    const { logs, resolve } = tasks.get(taskId);
    tasks.delete(taskId);
    resolve(JSON.stringify({ results: data.result[0].json, logs }));
  },
  'runner:taskerror': ({ taskId, error }) => {
    tasks.get(taskId).reject(error);
    tasks.delete(taskId);
  },
};

async function main() {
  const broker = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(broker, 'listening');
  const runner = spawn(process.execPath, [START], {
    stdio: ['ignore', 2, 2],
    env: { N8N_RUNNERS_TASK_BROKER_URI: `http://127.0.0.1:${broker.address().port}`, N8N_RUNNERS_GRANT_TOKEN: 'bench' },
  });
  runner.on('exit', (code) => { console.error(`the runner ended with ${code}`); process.exit(1); });
  [socket] = await once(broker, 'connection');
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    HEARD[message.type]?.(message);
  });
  send({ type: 'broker:inforequest' });
  serve((code) => new Promise((resolve, reject) => {
    waiting.push({ settings: settings(code), logs: [], resolve, reject });
    match();
  }));
}

main();
