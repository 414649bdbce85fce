//! Deliberate panics inside calls, in the test build. Each becomes the call's failure, and the process,
//! the runtime and the connection continue to work.

use crate::{
    byte_array::{ByteArray, ByteArrayRef, ByteArrayRefArray},
    byte_array_free::temporal_core_byte_array_free,
    connection::{Connection, temporal_core_client_free},
    ffi::{Lent, Pending, export_of_val, guard, guard_infallible},
    rpc::{RpcAnswer, RpcCallOptions, temporal_core_client_rpc_call},
    runtime::{Runtime, temporal_core_runtime_free},
    startup::{RuntimeInfoArray, RuntimeOptions, temporal_core_runtime_new},
};
use std::{ffi::c_void, mem::MaybeUninit, ptr, sync::mpsc, time::Duration};

/// What an RPC's callback received: status and message.
type Received = (u32, Option<String>);

unsafe extern "C" fn on_rpc(
    user_data: *mut c_void,
    success: *const ByteArray,
    status_code: u32,
    message: *const ByteArray,
    details: *const ByteArray,
) {
    // SAFETY: what the tests below pass, and what the library gives.
    unsafe {
        let text = message.as_ref().map(|message| {
            let bytes = std::slice::from_raw_parts(message.data, message.size);
            String::from_utf8_lossy(bytes).into_owned()
        });
        for given in [success, message, details] {
            temporal_core_byte_array_free(ptr::null_mut(), given);
        }
        let received = &*user_data.cast::<mpsc::Sender<Received>>();
        received.send((status_code, text)).expect("the test waits");
    }
}

const RPC: unsafe extern "C" fn(
    *mut c_void,
    *const ByteArray,
    u32,
    *const ByteArray,
    *const ByteArray,
) = on_rpc;

fn new_runtime() -> *mut Runtime {
    let options = RuntimeOptions {
        telemetry: ptr::null(),
        worker_heartbeat_interval_millis: 0,
        runtime_info: RuntimeInfoArray {
            data: ptr::null(),
            size: 0,
        },
        disable_environment_info: MaybeUninit::new(false),
    };
    // SAFETY: valid options.
    let made = unsafe { temporal_core_runtime_new(&raw const options) };
    assert!(made.fail.is_null());
    made.runtime
}

/// The only answer.
fn only(answers: &mpsc::Receiver<Received>) -> Received {
    let received = answers
        .recv_timeout(Duration::from_secs(20))
        .expect("an answer");
    assert!(
        answers.recv_timeout(Duration::from_millis(100)).is_err(),
        "a second answer"
    );
    received
}

#[test]
fn a_panic_in_the_asynchronous_part_is_the_answer_and_the_runtime_goes_on() {
    let runtime = new_runtime();
    // SAFETY: just made.
    let runtime_lent = unsafe { Lent::handle(runtime, "runtime") }.expect("not NULL");
    let core = Runtime::core(runtime_lent).expect("it runs").clone();
    let (sender, answers) = mpsc::channel::<Received>();
    let user_data = (&raw const sender).cast_mut().cast::<c_void>();
    core.spawn(Pending::new(RPC, user_data), || async {
        tokio::task::yield_now().await;
        panic!("on purpose");
    });
    assert_eq!(only(&answers), (0, Some("panic: on purpose".to_owned())));
    core.spawn(Pending::new(RPC, user_data), || async {
        RpcAnswer::Success(Vec::new())
    });
    assert_eq!(only(&answers), (0, None));
    drop(core);
    // SAFETY: from `_new`, once.
    unsafe { temporal_core_runtime_free(runtime) };
}

#[test]
fn a_panic_in_the_synchronous_part_is_the_failure() {
    let failed: Result<(), String> = guard(Err, || panic!("on {}", "purpose"));
    assert_eq!(failed, Err("panic: on purpose".to_owned()));
    let refused: Result<(), _> = Err(std::io::Error::from_raw_os_error(11));
    let unwrapped: Result<(), String> = guard(Err, || Ok(refused.unwrap()));
    let plain = "panic: an error where none was expected";
    assert_eq!(unwrapped, Err(plain.to_owned()));
    let count = guard_infallible(7, || panic!("on purpose"));
    assert_eq!(count, 7);
}

#[test]
fn a_panic_while_an_answer_is_owed_answers_once() {
    let (sender, answers) = mpsc::channel::<Received>();
    let user_data = (&raw const sender).cast_mut().cast::<c_void>();
    guard_infallible((), || {
        let _pending = Pending::new(RPC, user_data);
        panic!("on purpose");
    });
    let (status, message) = only(&answers);
    assert_eq!(status, 0);
    assert!(message.expect("a failure").starts_with("panic: "));
}

/// The same boundary as a caller sees it: through an exported function, with NULL handles.
#[test]
fn an_exported_call_answers_with_its_failure() {
    let (sender, answers) = mpsc::channel::<Received>();
    let user_data = (&raw const sender).cast_mut().cast::<c_void>();
    let none = ByteArrayRefArray {
        data: ptr::null(),
        size: 0,
    };
    let options = RpcCallOptions {
        service: MaybeUninit::zeroed(),
        rpc: ByteArrayRef::EMPTY,
        req: ByteArrayRef::EMPTY,
        retry: MaybeUninit::new(false),
        metadata: none,
        binary_metadata: none,
        timeout_millis: 0,
        cancellation_token: ptr::null(),
    };
    let client: *mut Connection = ptr::null_mut();
    // SAFETY: NULL is checked.
    unsafe {
        temporal_core_client_rpc_call(client, &raw const options, user_data, Some(on_rpc));
        temporal_core_client_free(client);
    }
    assert_eq!(only(&answers), (0, Some("client is NULL".to_owned())));
}

/// Written like an export.
fn temporal_core_for_this_test() -> &'static str {
    export_of_val(&|| ())()
}

#[test]
fn an_export_knows_its_own_name() {
    assert_eq!(temporal_core_for_this_test(), "temporal_core_for_this_test");
}
