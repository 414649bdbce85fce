#!/usr/bin/env bun
// Deprecated: nothing needs a Rust toolchain any more. Runs the command all the same, for scripts
// that still call this one; remove it when none does.
const command = process.argv.slice(2)
console.error(
  'run-with-rust-toolchain.ts is deprecated: the core comes compiled, from the Python package ' +
    'temporal-static-libs. Call the command itself.',
)
if (command.length === 0) process.exit(2)
if (Bun.which(command[0]) === null) {
  console.error(`run-with-rust-toolchain.ts: there is no ${command[0]}`)
  process.exit(127)
}
const child = Bun.spawnSync(command, { stdio: ['inherit', 'inherit', 'inherit'] })
process.exit(child.exitCode ?? 1)
