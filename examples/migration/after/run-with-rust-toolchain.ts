#!/usr/bin/env bun
// Deprecated: nothing needs a Rust toolchain any more. Still runs the command, for scripts that call this
// one. Remove it when no script does.
const command = process.argv.slice(2)
console.error(
  'run-with-rust-toolchain.ts is deprecated: the Python package temporal-static-libs contains the ' +
    'compiled core. Run the command directly.',
)
if (command.length === 0) process.exit(2)
if (Bun.which(command[0]) === null) {
  console.error(`run-with-rust-toolchain.ts: command not found: ${command[0]}`)
  process.exit(127)
}
const child = Bun.spawnSync(command, { stdio: ['inherit', 'inherit', 'inherit'] })
process.exit(child.exitCode ?? 1)
