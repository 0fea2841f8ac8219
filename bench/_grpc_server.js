// What a demo's service on Node would be if it were exact: the rival of bench/grpc_door.py.
//
//     node _grpc_server.js PROTOS PORT
const path = require("node:path");
const packages = path.join(__dirname, "..", "tests", "node", "node_modules");
const grpc = require(path.join(packages, "@grpc", "grpc-js"));
const loader = require(path.join(packages, "@grpc", "proto-loader"));

const [protos, port] = process.argv.slice(2);
const options = { keepCase: true, longs: String, defaults: true, includeDirs: [protos] };
const defined = grpc.loadPackageDefinition(loader.loadSync("hipstershop.proto", options));

// What one euro is worth, as a fraction: the ECB's rates of 2026-10-30.
const rates = { EUR: [1n, 1n], CAD: [15606n, 10000n], USD: [11172n, 10000n] };
const NANOS = 1000000000n;

function convert(call, callback) {
  const { from, to_code } = call.request;
  const base = rates[from.currency_code];
  const counter = rates[to_code];
  if (!base || !counter) {
    return callback({ code: grpc.status.INVALID_ARGUMENT, details: "no such currency" });
  }
  const total = BigInt(from.units) * NANOS + BigInt(from.nanos);
  const top = total * base[1] * counter[0];
  const bottom = base[0] * counter[1];
  const nanos = (2n * top + bottom) / (2n * bottom);
  return callback(null, {
    currency_code: to_code,
    units: (nanos / NANOS).toString(),
    nanos: Number(nanos % NANOS),
  });
}

const server = new grpc.Server();
server.addService(defined.hipstershop.CurrencyService.service, { Convert: convert });
server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
