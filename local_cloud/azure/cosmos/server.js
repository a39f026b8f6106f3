// Starts @vercel/cosmosdb-server, over HTTPS where it is given a certificate:
// node server.js <package> <port> <port for clients> [<certificate> <key>]
const { readFileSync } = require("fs");

const [, , path, port, publicPort, certificate, key] = process.argv;
require("./partitions")(path);
const { createHttpServer, createHttpsServer } = require(path);
const server = certificate
  ? createHttpsServer({ cert: readFileSync(certificate), key: readFileSync(key), minVersion: "TLSv1.2", keepAlive: true })
  : createHttpServer({ keepAlive: true });
// It tells clients the address to go on with, by which they would leave out a proxy.
server.address = () => ({ address: "127.0.0.1", port: Number(publicPort) });
server.listen(Number(port), "127.0.0.1");
