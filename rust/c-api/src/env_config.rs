//! Client configuration from the environment: Temporal's TOML file and `TEMPORAL_*` variables.
//!
//! Success is JSON: `{"profiles": {NAME: PROFILE}}`, or one PROFILE: `address`, `namespace`,
//! `api_key`, `tls` (`disabled`, `server_name`, `server_ca_cert`, `client_cert`, `client_key`),
//! `codec` (`endpoint`, `auth`), `grpc_meta`. Certificates and keys are `{"path": string}` or
//! `{"data": [byte values]}`. Absent keys are left out.

use crate::{
    byte_array::{ByteArray, ByteArrayRef},
    ffi::{Checked, Lent, guard, read_bool},
};
use serde_json::{Map, Value};
use std::{collections::HashMap, env, mem::MaybeUninit, ptr};
use temporalio_common::envconfig::{
    ClientConfigCodec, ClientConfigProfile, ClientConfigTLS, ConfigError, DataSource,
    LoadClientConfigOptions, LoadClientConfigProfileOptions, load_client_config,
    load_client_config_profile,
};

/// Where to load all profiles from.
#[repr(C)]
pub struct ClientEnvConfigLoadOptions {
    /// Path of the TOML file; empty = the value of `TEMPORAL_CONFIG_FILE`, or the default path. If
    /// the file does not exist, it counts as empty.
    pub path: ByteArrayRef,
    /// TOML to use instead of a file. Ignored if `path` is set.
    pub data: ByteArrayRef,
    /// Whether unknown keys in the TOML are an error.
    pub config_file_strict: MaybeUninit<bool>,
    /// Environment variables as a JSON object of strings; empty = those of the process.
    pub env_vars: ByteArrayRef,
}

/// Where to load one profile from.
#[repr(C)]
pub struct ClientEnvConfigProfileLoadOptions {
    /// Name of the profile; empty = the value of `TEMPORAL_PROFILE`, or `default`.
    pub profile: ByteArrayRef,
    /// Path of the TOML file; empty = the value of `TEMPORAL_CONFIG_FILE`, or the default path. If
    /// the file does not exist, it counts as empty.
    pub path: ByteArrayRef,
    /// TOML to use instead of a file. Ignored if `path` is set.
    pub data: ByteArrayRef,
    /// Use environment variables only. Cannot be combined with `disable_env`.
    pub disable_file: MaybeUninit<bool>,
    /// Do not let environment variables override the file. Cannot be combined with `disable_file`.
    pub disable_env: MaybeUninit<bool>,
    /// Whether unknown keys in the TOML are an error.
    pub config_file_strict: MaybeUninit<bool>,
    /// Environment variables as a JSON object of strings; empty = those of the process.
    pub env_vars: ByteArrayRef,
}

/// All profiles. Exactly one of `success` and `fail` is set.
#[repr(C)]
pub struct ClientEnvConfigOrFail {
    /// JSON. Free it with `temporal_core_byte_array_free`.
    pub success: *const ByteArray,
    /// The error message. Free it with `temporal_core_byte_array_free`.
    pub fail: *const ByteArray,
}

/// One profile. Exactly one of `success` and `fail` is set.
#[repr(C)]
pub struct ClientEnvConfigProfileOrFail {
    /// JSON. Free it with `temporal_core_byte_array_free`.
    pub success: *const ByteArray,
    /// The error message. Free it with `temporal_core_byte_array_free`.
    pub fail: *const ByteArray,
}

/// Loads all profiles of the configuration file. The environment only determines which file is
/// loaded.
///
/// @param options NULL is an error.
/// @return The JSON `{"profiles": {NAME: PROFILE}}`, or an error message. A PROFILE has those of
///         these keys that are set: `address`, `namespace`, `api_key`, `tls` (`disabled`,
///         `server_name`, `server_ca_cert`, `client_cert`, `client_key`), `codec` (`endpoint`,
///         `auth`) and `grpc_meta`. Certificates and keys are `{"path": string}` or
///         `{"data": [byte values]}`.
///
/// Reads the file on your thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_env_config_load(
    options: *const ClientEnvConfigLoadOptions,
) -> ClientEnvConfigOrFail {
    // SAFETY: the options are live for this call, with the ranges in them.
    let options = unsafe { Lent::required(options, "options") };
    let (success, fail) = answer(|| all_profiles(options?));
    ClientEnvConfigOrFail { success, fail }
}

/// Loads one profile from the configuration file. Environment variables override the file.
///
/// @param options NULL is an error.
/// @return The PROFILE as JSON, as for `temporal_core_client_env_config_load`, or an error message.
///         If you name a profile that is not in the file, the call fails; without a name, a missing
///         `default` profile is not an error.
///
/// Reads the file on your thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_env_config_profile_load(
    options: *const ClientEnvConfigProfileLoadOptions,
) -> ClientEnvConfigProfileOrFail {
    // SAFETY: the options are live for this call, with the ranges in them.
    let options = unsafe { Lent::required(options, "options") };
    let (success, fail) = answer(|| one_profile(options?));
    ClientEnvConfigProfileOrFail { success, fail }
}

/// The JSON or the error message; the other pointer is NULL.
fn answer(load: impl FnOnce() -> Checked<Value>) -> (*const ByteArray, *const ByteArray) {
    match guard(Err, load) {
        Ok(json) => (ByteArray::give(json.to_string()), ptr::null()),
        Err(message) => (ptr::null(), ByteArray::give(message)),
    }
}

fn all_profiles(options: Lent<'_, ClientEnvConfigLoadOptions>) -> Checked<Value> {
    let source = source(
        options.field("path", |it| &it.path),
        options.field("data", |it| &it.data),
    )?;
    let env_vars = env_vars(options.field("env_vars", |it| &it.env_vars))?;
    let origin = origin(source.as_ref(), &env_vars);
    let load_options = LoadClientConfigOptions::builder()
        .maybe_config_source(source)
        .config_file_strict(read_bool(&options.config_file_strict))
        .build();
    let config = load_client_config(load_options, Some(&env_vars))
        .map_err(|error| explained(&error, &origin))?;
    let profiles: Map<_, _> = config
        .profiles
        .into_iter()
        .map(|(name, profile)| (name, profile_json(profile)))
        .collect();
    Ok(object([("profiles", Some(profiles.into()))]))
}

fn one_profile(options: Lent<'_, ClientEnvConfigProfileLoadOptions>) -> Checked<Value> {
    let profile = options.field("profile", |it| &it.profile).text()?;
    let source = source(
        options.field("path", |it| &it.path),
        options.field("data", |it| &it.data),
    )?;
    let env_vars = env_vars(options.field("env_vars", |it| &it.env_vars))?;
    let origin = origin(source.as_ref(), &env_vars);
    let load_options = LoadClientConfigProfileOptions::builder()
        .maybe_config_source(source)
        .maybe_config_file_profile((!profile.is_empty()).then(|| profile.to_owned()))
        .config_file_strict(read_bool(&options.config_file_strict))
        .disable_file(read_bool(&options.disable_file))
        .disable_env(read_bool(&options.disable_env))
        .build();
    load_client_config_profile(load_options, Some(&env_vars))
        .map(profile_json)
        .map_err(|error| explained(&error, &origin))
}

/// Where the TOML comes from, for messages.
fn origin(source: Option<&DataSource>, env_vars: &HashMap<String, String>) -> String {
    match source {
        Some(DataSource::Path(path)) => path.clone(),
        Some(_) => "data".to_owned(),
        None => match env_vars.get("TEMPORAL_CONFIG_FILE") {
            Some(path) if !path.is_empty() => path.clone(),
            _ => "the default configuration file".to_owned(),
        },
    }
}

/// Adds the file to errors of reading and parsing, which do not name it.
fn explained(error: &ConfigError, origin: &str) -> String {
    match error {
        ConfigError::LoadError(_) => format!("{origin}: {error}").trim_end().to_owned(),
        _ => error.to_string(),
    }
}

fn source(
    path: Lent<'_, ByteArrayRef>,
    data: Lent<'_, ByteArrayRef>,
) -> Checked<Option<DataSource>> {
    Ok(match (path.text()?, data.optional_bytes()?) {
        ("", data) => data.map(DataSource::Data),
        (path, _) => Some(DataSource::Path(path.to_owned())),
    })
}

fn env_vars(json: Lent<'_, ByteArrayRef>) -> Checked<HashMap<String, String>> {
    let json = json.bytes()?;
    if json.is_empty() {
        return process_env_vars();
    }
    serde_json::from_slice(json)
        .map_err(|error| format!("env_vars is not a JSON object of strings: {error}"))
}

/// Read here, because the crate panics if any variable is not UTF-8.
fn process_env_vars() -> Checked<HashMap<String, String>> {
    env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            name.starts_with("TEMPORAL_").then_some((name, value))
        })
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(format!("the environment variable {name} is not UTF-8")),
        })
        .collect()
}

/// A JSON object of the members that are set.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    members
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect::<Map<_, _>>()
        .into()
}

fn profile_json(profile: ClientConfigProfile) -> Value {
    let grpc_meta: Map<_, _> = profile
        .grpc_meta
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect();
    object([
        ("address", profile.address.map(Value::from)),
        ("namespace", profile.namespace.map(Value::from)),
        ("api_key", profile.api_key.map(Value::from)),
        ("tls", profile.tls.map(tls_json)),
        ("codec", profile.codec.map(codec_json)),
        (
            "grpc_meta",
            (!grpc_meta.is_empty()).then(|| grpc_meta.into()),
        ),
    ])
}

fn tls_json(tls: ClientConfigTLS) -> Value {
    object([
        ("disabled", tls.disabled.map(Value::from)),
        ("server_name", tls.server_name.map(Value::from)),
        ("server_ca_cert", tls.server_ca_cert.and_then(source_json)),
        ("client_cert", tls.client_cert.and_then(source_json)),
        ("client_key", tls.client_key.and_then(source_json)),
    ])
}

fn codec_json(codec: ClientConfigCodec) -> Value {
    object([
        ("endpoint", codec.endpoint.map(Value::from)),
        ("auth", codec.auth.map(Value::from)),
    ])
}

fn source_json(source: DataSource) -> Option<Value> {
    match source {
        DataSource::Path(path) => Some(object([("path", Some(path.into()))])),
        DataSource::Data(data) => Some(object([("data", Some(data.into()))])),
        // The crate may add kinds; the interface has these two.
        _ => None,
    }
}
