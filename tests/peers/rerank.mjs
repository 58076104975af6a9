// Starts aimock with the answers of its reranking endpoint, which its own program cannot be given.
// Arguments: the folder of node_modules, the port, and [[query, [[index, score], ...]], ...] as JSON.
import { pathToFileURL } from "node:url";

const [modules, port, told] = process.argv.slice(2);
const { LLMock } = await import(
  pathToFileURL(`${modules}/@copilotkit/aimock/dist/index.js`).href
);
const mock = new LLMock({ port: Number(port), host: "127.0.0.1" });
for (const [query, results] of JSON.parse(told)) {
  mock.onRerank(
    query,
    results.map(([index, score]) => ({ index, relevance_score: score })),
  );
}
await mock.start();
console.log("listening");
