// Sends one message with nodemailer.  Its one argument is JSON: {transport, envelope, file}; prints the answer.
'use strict';

const fs = require('fs');
const nodemailer = require('nodemailer');

const { transport, envelope, file } = JSON.parse(process.argv[2]);
if (transport.tls && transport.tls.caFile) {
  transport.tls.ca = fs.readFileSync(transport.tls.caFile);
}
nodemailer
  .createTransport(transport)
  .sendMail({ envelope, raw: fs.readFileSync(file) })
  .then((info) => process.stdout.write(info.response + '\n'))
  .catch((error) => {
    process.stderr.write(error.message + '\n');
    process.exitCode = 1;
  });
