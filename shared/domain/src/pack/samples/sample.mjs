// Signs a file and posts it to the webhook endpoint of @source@.
//
// @usage@
//
// With --print nothing is sent: the headers that name and prove the body are printed.

import crypto from "node:crypto";
import fs from "node:fs";
import process from "node:process";

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}`);
  return value;
}

const url = @url@;
let secret = required("WEBHOOK_SECRET");
@strip@
@timestamp@
@given@
const body = fs.readFileSync(process.argv[2]);

const key = @key@;
const message = Buffer.concat([@message@]);
const signature = @signature@;

const headers = {
  @headers@
};
if (process.argv.includes("--print")) {
  for (const [name, value] of Object.entries(headers)) console.log(`${name}: ${value}`);
  process.exit();
}

headers["content-type"] = "application/json";
@basic@
const answer = await fetch(url, {
  method: "POST",
  headers,
  body,
  signal: AbortSignal.timeout(@answer_seconds_max@ * 1000),
});
console.log(answer.status, await answer.text());
process.exitCode = answer.ok ? 0 : 1;
