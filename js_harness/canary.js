'use strict';
/* The canary: attempts what no worker may do, from where an escape would end, with Node's own modules and no code of anybody's.
 *
 * Nothing is harmed if one succeeds: files are opened and not kept, signals are number 0, the program that is started prints its
 * version. What an attempt gave is an errno, or `done`; `absent` where this Node has no such call. The daemon judges. */
const process = require('process');
const fs = require('fs');
const net = require('net');
const { createSocket } = require('dgram');
const { spawnSync } = require('child_process');
const os = require('os');
const { getSystemErrorName } = require('util');

const NOWHERE = '/tmp/sandboxd-canary';
const LOCAL = '127.0.0.1', DISCARD = 9;

/** Until `emitter` says that it is `done`, or an error. */
const until = (done, emitter) => new Promise((resolve, reject) => { emitter.on('error', reject).on(done, resolve); });

const open = (path, flags) => fs.closeSync(fs.openSync(path, flags));
const absent = () => { throw Object.assign(new Error('no such call'), { code: 'absent' }); };

const ATTEMPTS = {
  __proto__: null,
  'read /etc/passwd': () => open('/etc/passwd', 'r'),
  'read /proc/self/status': () => open('/proc/self/status', 'r'),
  'read its own program': () => open(process.execPath, 'r'),      // it is there in every root
  'list /proc': () => fs.readdirSync('/proc'),
  'create a file': () => { open(NOWHERE, 'wx'); fs.unlinkSync(NOWHERE); },
  'connect by TCP': () => until('connect', net.connect(DISCARD, LOCAL)),
  'listen on TCP': () => until('listening', net.createServer().listen(0, LOCAL)),
  'bind to UDP': () => until('listening', createSocket('udp4').bind(0, LOCAL)),
  'connect to a unix socket': () => until('connect', net.connect(NOWHERE)),
  'connect to an abstract socket': () => until('connect', net.connect('\0sandboxd-canary')),
  'list the network interfaces': () => os.networkInterfaces(),
  'spawn a program': () => { const { error } = spawnSync(process.execPath, ['--version'], { stdio: 'inherit' }); if (error) throw error; },
  'become another program': () => (process.execve ?? absent)(process.execPath, [process.execPath, '--version'], {}),
  'signal everybody': () => process.kill(-1, 0),
  'signal its group': () => process.kill(0, 0),
  'set its priority': () => os.setPriority(0, 19),           // the lowest: the kernel itself allows that to everybody
  'change its user': () => process.setuid(0),
};

/* Some of Node's modules give the kernel's number as it is, others negated; `code` is not always the name of it. */
const word = ({ errno, code, message }) => (errno ? getSystemErrorName(-Math.abs(errno)) : String(code ?? message).slice(0, 100));

/** What one attempt gave, in a word. */
async function attempt(name) {
  try { await ATTEMPTS[name](); } catch (error) { return word(error); }
  return 'done';
}

/** Makes the attempts in the order of their names; `tell` is called with what each gave. */
async function sing(names, tell) {
  for (const name of names) tell(await attempt(name));
}

module.exports = { sing };
