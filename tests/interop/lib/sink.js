// A next hop made of npm's smtp-server.  Its one argument is JSON: {folder, key, cert, secure, login, password, refuseTls}.
// Writes each message to FOLDER/N and says so in a line of JSON on standard output; the first line is the port.
'use strict';

const fs = require('fs');
const path = require('path');
const { SMTPServer } = require('smtp-server');

const options = JSON.parse(process.argv[2]);
let count = 0;

function say(value) {
  process.stdout.write(JSON.stringify(value) + '\n');
}

const server = new SMTPServer({
  name: 'hop.test',
  secure: options.secure || false,
  key: options.key && fs.readFileSync(options.key),
  cert: options.cert && fs.readFileSync(options.cert),
  disabledCommands: options.key ? [] : ['STARTTLS'],
  authOptional: !options.login,
  authMethods: ['PLAIN', 'LOGIN'],
  size: 64 * 1024 * 1024,
  onAuth(auth, _session, done) {
    const right = auth.username === options.login && auth.password === options.password;
    return right ? done(null, { user: auth.username }) : done(new Error('no'));
  },
  onData(stream, session, done) {
    const pieces = [];
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('end', () => {
      const file = path.join(options.folder, String(++count));
      fs.writeFileSync(file, Buffer.concat(pieces));
      say({
        file,
        sender: session.envelope.mailFrom.address,
        recipients: session.envelope.rcptTo.map((one) => one.address),
        tls: Boolean(session.secure),
        login: session.user || null,
      });
      done();
    });
  },
});
server.on('error', (error) => process.stderr.write(error.message + '\n'));
const listening = server.listen(0, '127.0.0.1', () => say(listening.address().port));
