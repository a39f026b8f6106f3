// Preload of the jsii kernel. Where nothing below matches, all is as without it: slow, not wrong.
const fs = require("fs");
const Module = require("module");
const threads = require("worker_threads");

// A provider binding's index requires about 2,000 files, of which a twin uses a few dozen. The kernel loads a binding
// from a temporary folder, so only the end of the path can be matched.
const INDEX = /[\\/]provider-[^\\/]+[\\/]lib[\\/]index\.js$/;
const EAGER = /^exports\.(\w+) = (?:__importStar\()?require\("(\.\/[^"]+)"\)\)?;$/gm;
const GETTER =
  'Object.defineProperty(exports,"$1",{enumerable:true,configurable:true,get(){return require("$2")}});';

// jsii starts a process that starts the kernel and hands its messages on. Here the former becomes the latter.
const LAUNCHER = /[\\/]bin[\\/]jsii-runtime\.js$/;
const KERNEL = 'require("../lib/program.js");';

/** Let the kernel, which expects its messages on descriptor 3, speak through stdin and stdout. */
function speakThroughStandardStreams() {
  for (const [name, descriptor] of [
    ["readSync", 0],
    ["writeSync", 1],
  ]) {
    const call = fs[name];
    fs[name] = (given, ...rest) => call(given === 3 ? descriptor : given, ...rest);
  }
  // What a construct prints is a line of JSON on stderr, as from the process that is left out.
  for (const name of ["stdout", "stderr"]) {
    process[name].write = (text, encoding) => {
      const printed = Buffer.from(text, typeof encoding === "string" ? encoding : "utf8").toString("base64");
      fs.writeSync(2, `${JSON.stringify({ [name]: printed })}\n`);
      return true;
    };
  }
}

/** Keep the kernel alive until the indexes of bindings are written, without which each run parses 100 MB again. */
function endAfterIndexes() {
  const building = new Set();
  threads.Worker = class extends threads.Worker {
    constructor(...given) {
      super(...given);
      building.add(this);
      this.once("exit", () => building.delete(this));
    }
  };
  const exit = process.exit.bind(process);
  process.exit = (code) => {
    if (!building.size) exit(code);
    for (const worker of building) worker.once("exit", () => building.size || exit(code));
  };
}

const compile = Module.prototype._compile;
Module.prototype._compile = function (source, file) {
  // On Windows descriptor 3 may be any file's.
  if (LAUNCHER.test(file) && process.platform !== "win32") {
    speakThroughStandardStreams();
    endAfterIndexes();
    process.execArgv.push("--preserve-symlinks"); // in NODE_OPTIONS, where the kernel does not look for it
    return compile.call(this, KERNEL, file);
  }
  return compile.call(this, INDEX.test(file) ? source.replace(EAGER, GETTER) : source, file);
};
