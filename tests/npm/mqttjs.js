// mqttjs.js — MQTT.js, the client that web pages use, as a program that is told what to do line by line.
//
//   node mqttjs.js
//
// Reads a JSON object a line and answers each with one, which has the same "n":
//
//   {"n":1,"do":"connect","url":"ws://127.0.0.1:1/","options":{…}}   {"n":1,"reason":0}
//   {"n":2,"do":"subscribe","topic":"chat/lobby/msg","qos":1}         {"n":2,"reason":1}
//   {"n":3,"do":"publish","topic":"…","payload":"…","options":{…}}   {"n":3,"reason":0}
//   {"n":4,"do":"end"}                                                {"n":4,"reason":0}
//
// "reason" is the server's code, or 255 if there is none, with a sentence as "error". Besides, whenever it comes:
// {"message":{"topic","payload","qos","retain","correlation"}} and {"closed":true}. Ends when its input does.
"use strict";

const readline = require("node:readline");
const mqtt = require("../../build/npm/node_modules/mqtt");

let client = null;

const say = (object) => process.stdout.write(JSON.stringify(object) + "\n");

// Every request is answered once.
function answer(n) {
  let open = true;
  return (reason, error) => {
    if (open) say({ n, reason, ...(error && { error: String(error.message || error) }) });
    open = false;
  };
}

const failed = (done, error) => done(error.code >= 0x80 && error.code < 0xff ? error.code : 255, error);

function onMessage(topic, payload, packet) {
  const correlation = packet.properties?.correlationData?.toString();
  say({ message: { topic, payload: payload.toString(), qos: packet.qos, retain: packet.retain, correlation } });
}

const deeds = {
  connect({ url, options }, done) {
    client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: 20000, ...options });
    client.on("message", onMessage);
    client.on("connect", () => done(0));
    client.on("error", (error) => failed(done, error));
    client.on("close", () => {
      done(255, "the connection was closed");
      say({ closed: true });
    });
  },
  subscribe({ topic, qos }, done) {
    client.subscribe(topic, { qos }, (error, granted, packet) => {
      if (packet) done(packet.granted[0]);
      else if (error) failed(done, error);
      else done(granted[0].qos);
    });
  },
  publish({ topic, payload, options }, done) {
    const properties = options.properties && {
      ...options.properties,
      correlationData: Buffer.from(options.properties.correlationData || ""),
    };
    client.publish(topic, payload, { ...options, ...(properties && { properties }) }, (error, packet) => {
      if (error) failed(done, error);
      else done(packet?.reasonCode ?? 0);
    });
  },
  end(_, done) {
    client.end(false, {}, () => done(0));
  },
};

readline
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const request = JSON.parse(line);
    deeds[request.do](request, answer(request.n));
  })
  .on("close", () => process.exit(0));
