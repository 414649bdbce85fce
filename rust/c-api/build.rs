//! Writes the table of RPCs, from the service definitions of temporalio-protos, so that there is no list
//! to maintain; and the symbol that ties the archive to its header.

use prost::Message;
use prost_types::{FileDescriptorSet, ServiceDescriptorProto};
use std::{env, error::Error, fmt::Write, fs, path::PathBuf};

// As in lib.rs: otherwise checkouts that share a target directory would use the last-built script.
const _: Option<&str> = option_env!("TEMPORAL_STATIC_LIBS_WORKSPACE");

/// `RpcService` variant, fully qualified service, trait of temporalio-client that calls it.
const SERVICES: [(&str, &str, &str); 5] = [
    (
        "Workflow",
        "temporal.api.workflowservice.v1.WorkflowService",
        "WorkflowService",
    ),
    (
        "Operator",
        "temporal.api.operatorservice.v1.OperatorService",
        "OperatorService",
    ),
    (
        "Cloud",
        "temporal.api.cloud.cloudservice.v1.CloudService",
        "CloudService",
    ),
    (
        "Test",
        "temporal.api.testservice.v1.TestService",
        "TestService",
    ),
    ("Health", "grpc.health.v1.Health", "HealthService"),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    // A target directory may be shared with another checkout; see .cargo/config.toml.
    println!("cargo:rerun-if-env-changed=TEMPORAL_STATIC_LIBS_WORKSPACE");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("rpc_table.rs"), rpc_table()?)?;
    fs::write(out.join("abi_symbol.rs"), abi_symbol()?)?;
    Ok(())
}

/// The ABI ID, and a function without effect whose name contains the version and that ID.
fn abi_symbol() -> Result<String, Box<dyn Error>> {
    println!("cargo:rerun-if-changed=abi_id.txt");
    let version = env::var("CARGO_PKG_VERSION")?.replace('.', "_");
    let abi_id = fs::read_to_string("abi_id.txt")?;
    let abi_id = abi_id.trim();
    let name = format!("temporal_static_libs_{version}_abi_{abi_id}");
    Ok(format!(
        "const ABI_ID: &CStr = c\"{abi_id}\";\n\
         #[doc(hidden)]\n#[unsafe(no_mangle)]\npub extern \"C\" fn {name}() {{}}\n"
    ))
}

/// The function `find`, with one match arm per RPC.
fn rpc_table() -> Result<String, Box<dyn Error>> {
    let descriptors = env::var("DEP_TEMPORALIO_PROTOS_DESCRIPTOR_PATH")
        .map_err(|_| "temporalio-protos no longer sets DEP_TEMPORALIO_PROTOS_DESCRIPTOR_PATH")?;
    println!("cargo:rerun-if-changed={descriptors}");
    let descriptors = FileDescriptorSet::decode(&*fs::read(descriptors)?)?;

    let mut table = String::from(
        "#[allow(deprecated)]\n\
         pub(super) fn find(service: RpcService, name: &str) -> Checked<Rpc> {\n\
         match service {\n",
    );
    for (variant, full_name, client_trait) in SERVICES {
        let service =
            find(&descriptors, full_name).ok_or_else(|| format!("no definition of {full_name}"))?;
        writeln!(table, "RpcService::{variant} => match name {{")?;
        for method in &service.method {
            let name = method.name();
            if method.client_streaming() || method.server_streaming() {
                writeln!(table, "{name:?} => streaming(name),")?;
            } else {
                let function = snake_case(name);
                writeln!(
                    table,
                    "{name:?} => Ok(Rpc {{ name: {name:?}, ready: |call| \
                     call.unary(<Connection as {client_trait}>::{function}) }}),"
                )?;
            }
        }
        writeln!(table, "_ => unknown(name),\n}},")?;
    }
    table.push_str("}\n}\n");
    Ok(table)
}

fn find<'a>(set: &'a FileDescriptorSet, full_name: &str) -> Option<&'a ServiceDescriptorProto> {
    set.file
        .iter()
        .flat_map(|file| file.service.iter().map(move |service| (file, service)))
        .find(|(file, service)| format!("{}.{}", file.package(), service.name()) == full_name)
        .map(|(_, service)| service)
}

/// The method that tonic generates for an RPC.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
