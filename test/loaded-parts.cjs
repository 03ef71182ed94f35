// Preloaded into a function under test: at its end it prints which parts of Node were loaded.
process.on('exit', () => console.log(JSON.stringify(process.moduleLoadList)));
