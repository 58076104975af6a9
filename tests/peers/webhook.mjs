// Receives webhooks and verifies them with the npm package of Standard Webhooks.
// Arguments: the folder of node_modules, the port, and the secret. Prints each type it has verified.
import { createRequire } from "node:module";
import { createServer } from "node:http";

const [modules, port, secret] = process.argv.slice(2);
const { Webhook } = createRequire(`${modules}/`)("standardwebhooks");
const webhook = new Webhook(secret);
createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  try {
    const message = webhook.verify(Buffer.concat(parts).toString("utf8"), request.headers);
    console.log(`${message.type} ${message.data.external_id}`);
    response.writeHead(204).end();
  } catch (error) {
    console.log(`refused: ${error.message}`);
    response.writeHead(400).end();
  }
}).listen(Number(port), "127.0.0.1", () => console.log("listening"));
