// decrypt.js — decrypt a Web Push message (RFC 8291) as a browser does, with the npm package http_ece.
//
//   node decrypt.js <INPUT
//
// INPUT is JSON: "private" and "auth" of the subscription and the "body" of the request, all base64url. Prints the
// plaintext.
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const ece = require("../../build/npm/node_modules/http_ece");

const { private: secret, auth, body } = JSON.parse(fs.readFileSync(0, "utf8"));
const receiver = crypto.createECDH("prime256v1");
receiver.setPrivateKey(secret, "base64url");
process.stdout.write(
  ece.decrypt(Buffer.from(body, "base64url"), { version: "aes128gcm", privateKey: receiver, authSecret: auth }),
);
