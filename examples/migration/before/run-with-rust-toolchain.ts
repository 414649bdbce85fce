#!/usr/bin/env bun
// Runs a command with a Rust toolchain on PATH.
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

const command = process.argv.slice(2)
if (command.length === 0) {
  console.error('usage: run-with-rust-toolchain.ts COMMAND [ARGUMENT ...]')
  process.exit(2)
}
const path = [process.env.PATH ?? '', join(homedir(), '.cargo', 'bin')].join(delimiter)
if (Bun.which('cargo', { PATH: path }) === null) {
  console.error('run-with-rust-toolchain.ts: command not found: cargo; install Rust')
  process.exit(1)
}
const child = Bun.spawnSync(command, {
  env: { ...process.env, PATH: path },
  stdio: ['inherit', 'inherit', 'inherit'],
})
process.exit(child.exitCode ?? 1)
