// Prints the Khronos validator's issues of a glTF file as JSON.
const { readFileSync } = require("fs");
const { validateBytes } = require("gltf-validator");

validateBytes(new Uint8Array(readFileSync(process.argv[2])), { maxIssues: 50 }).then(
  (report) => console.log(JSON.stringify(report.issues)),
  (error) => { console.error(String(error)); process.exit(1); }
);
