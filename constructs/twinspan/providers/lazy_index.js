// Preload for the jsii kernel: a provider binding's index requires about 2,000 files, of which a twin uses a few dozen.
// Each eager `exports.x = require("./y");` of such an index becomes a getter. The kernel loads a binding from a
// temporary folder, so only the end of the path can be matched. Where nothing matches, all is loaded: slow, not wrong.
const Module = require("module");
const compile = Module.prototype._compile;
const EAGER = /^exports\.(\w+) = (?:__importStar\()?require\("(\.\/[^"]+)"\)\)?;$/gm;
const GETTER =
  'Object.defineProperty(exports,"$1",{enumerable:true,configurable:true,get(){return require("$2")}});';

Module.prototype._compile = function (source, file) {
  const isIndex = /[\\/]provider-[^\\/]+[\\/]lib[\\/]index\.js$/.test(file);
  return compile.call(this, isIndex ? source.replace(EAGER, GETTER) : source, file);
};
