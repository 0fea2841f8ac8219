// Node's gRPC client: each line of standard input is a call, each line of output its answer.
//
//     node client.js PROTOS ADDRESS < calls
//
// A call is JSON: {"service": "hipstershop.CurrencyService", "method": "Convert", "request": {}}.
const readline = require("node:readline");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [protos, address] = process.argv.slice(2);
const files = ["hipstershop.proto", "oteldemo.proto", "grpc/health/v1/health.proto"];
const options = { keepCase: true, longs: String, enums: String, includeDirs: [protos] };
const defined = grpc.loadPackageDefinition(loader.loadSync(files, options));
const clients = new Map();

function client(name) {
  if (!clients.has(name)) {
    const service = name.split(".").reduce((part, word) => part[word], defined);
    clients.set(name, new service(address, grpc.credentials.createInsecure()));
  }
  return clients.get(name);
}

function call({ service, method, request }) {
  return new Promise((resolve) => {
    const deadline = new Date(Date.now() + 10000);
    client(service)[method](request, { deadline }, (error, answer) => {
      if (!error) return resolve({ answer });
      const [slug] = error.metadata.get("pricedesk-error");
      resolve({ code: grpc.status[error.code], details: error.details, slug });
    });
  });
}

const calls = [];
const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line) => calls.push(call(JSON.parse(line))));
lines.on("close", async () => {
  for (const answer of await Promise.all(calls)) console.log(JSON.stringify(answer));
  for (const one of clients.values()) one.close();
});
