// Starts @vercel/cosmosdb-server over HTTPS:
// node cosmos_server.js <package> <port> <port for clients> <certificate> <key>
const { readFileSync } = require("fs");

const [, , path, port, publicPort, certificate, key] = process.argv;
const options = { cert: readFileSync(certificate), key: readFileSync(key), minVersion: "TLSv1.2", keepAlive: true };
const server = require(path).createHttpsServer(options);
// It tells clients the address to go on with, by which they would leave out a proxy.
server.address = () => ({ address: "127.0.0.1", port: Number(publicPort) });
server.listen(Number(port), "127.0.0.1");
