//! Metrics of the caller, which go where the runtime's metrics go.

use crate::{
    byte_array::ByteArrayRef,
    ffi::{
        Checked, Lent, Range, boxed, export_of, export_of_val, guard_infallible, guard_named,
        log_error, read_bool, read_enum, taken_back,
    },
    metric_kind::{MetricAttributeValueType, MetricKind},
    metric_naming::check_metric,
    runtime::{Core, Runtime},
};
use libc::size_t;
use std::{
    mem::MaybeUninit,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use temporalio_common::telemetry::metrics::{
    Counter, Gauge, GaugeF64, Histogram, HistogramDuration, HistogramF64,
    MetricAttributes as CoreAttributes, MetricKeyValue, MetricParameters, MetricValue,
    NewAttributes, TemporalMeter, UpDownCounter,
};

/// The value of an attribute.
#[repr(C)]
pub union MetricAttributeValue {
    /// For `String`.
    pub string_value: ByteArrayRef,
    /// For `Int`.
    pub int_value: i64,
    /// For `Float`.
    pub float_value: f64,
    /// For `Bool`.
    pub bool_value: MaybeUninit<bool>,
}

/// One attribute.
#[repr(C)]
pub struct MetricAttribute {
    /// Its name.
    pub key: ByteArrayRef,
    /// Its value.
    pub value: MetricAttributeValue,
    /// Which member of `value` is set.
    pub value_type: MaybeUninit<MetricAttributeValueType>,
}

/// Options of a metric.
#[repr(C)]
pub struct MetricOptions {
    /// Name, without a prefix. Required.
    pub name: ByteArrayRef,
    /// What it measures. May be empty.
    pub description: ByteArrayRef,
    /// Unit. May be empty. Exporters set the unit of durations themselves.
    pub unit: ByteArrayRef,
    /// Kind of the metric.
    pub kind: MaybeUninit<MetricKind>,
}

/// Creates metrics and attributes, whose values go where the runtime's metrics go.
///
/// Lifecycle: create it with `temporal_core_metric_meter_new`, use it any number of times with
/// `temporal_core_metric_new` and `temporal_core_metric_attributes_new`, and free it with
/// `temporal_core_metric_meter_free`.
///
/// Several threads can use it at the same time. You can free it before what it created, before or
/// after its runtime, and inside a custom meter's callback.
#[derive(Clone)]
pub struct MetricMeter {
    // Dropped before `core`, as in the types below: an exporter that ends with its last reference
    // still needs the threads of `core`.
    meter: TemporalMeter,
    core: Arc<Core>,
}

/// Attributes of recorded values. They never change.
///
/// Lifecycle: create them with `temporal_core_metric_attributes_new`, or from existing ones with
/// `temporal_core_metric_attributes_new_append`. Use them any number of times with the
/// `temporal_core_metric_record_…` functions, and free them with
/// `temporal_core_metric_attributes_free`.
///
/// Several threads can use them at once, with metrics of the same runtime. You can free them before
/// or after the meter, the metrics and the runtime.
#[derive(Clone)]
pub struct MetricAttributes {
    attributes: CoreAttributes,
    core: Arc<Core>,
}

/// A metric that you record values for.
///
/// Lifecycle: create it with `temporal_core_metric_new`, record values with the
/// `temporal_core_metric_record_…` function for its kind, and free it with
/// `temporal_core_metric_free`. What you recorded stays.
///
/// Several threads can use it at the same time. You can free it before or after the meter and the
/// runtime.
#[derive(Clone)]
pub struct Metric(Arc<Recorder>);

struct Recorder {
    instrument: Instrument,
    /// For values that are recorded without attributes.
    default_attributes: CoreAttributes,
    misuse_logged: AtomicBool,
    core: Arc<Core>,
}

enum Instrument {
    CounterInteger(Counter),
    HistogramInteger(Histogram),
    HistogramFloat(HistogramF64),
    HistogramDuration(HistogramDuration),
    GaugeInteger(Gauge),
    GaugeFloat(GaugeF64),
    UpDownCounterInteger(UpDownCounter),
}

enum Recorded {
    Integer(u64),
    Signed(i64),
    Float(f64),
    Duration(Duration),
}

/// The attributes that a caller passes as two arguments.
struct AttributeArguments {
    data: *const MetricAttribute,
    size: size_t,
}

// SAFETY: by the interface, `data` points to `size` attributes.
unsafe impl Range for AttributeArguments {
    type Element = MetricAttribute;

    fn range(&self) -> (*const MetricAttribute, usize) {
        (self.data, self.size)
    }
}

/// Runs the body of a function on a handle, with the runtime's logs. Such bodies use a clone of the
/// handle, because a custom meter's callback may free the handle that is in use.
fn inside<T, Body>(core: &Core, fallback: T, body: Body) -> Checked<T>
where
    Body: FnOnce() -> Checked<T>,
{
    let export = export_of::<Body>;
    Ok(core.enter(|| guard_named(export, fallback, body)))
}

/// Creates a meter for the runtime's metrics.
///
/// @param runtime If NULL, the call logs an error and returns NULL.
/// @return Free it with `temporal_core_metric_meter_free`. NULL if the runtime has no metrics.
///
/// You can use and free the meter, and what it creates, in any order, also after the runtime is
/// freed. The runtime's threads and exporters exist until the last of them is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_meter_new(runtime: *mut Runtime) -> *mut MetricMeter {
    guard_infallible(ptr::null_mut(), || {
        // SAFETY: the runtime is live for this call.
        let runtime = unsafe { Lent::handle(runtime, "runtime") }?;
        let core = Runtime::core(runtime)?.clone();
        inside(&core, ptr::null_mut(), || {
            let meter = core.core_runtime().telemetry().get_metric_meter();
            Ok(meter.map_or(ptr::null_mut(), |meter| {
                boxed(MetricMeter {
                    meter,
                    core: core.clone(),
                })
            }))
        })
    })
}

/// Frees the meter. What it created stays valid.
///
/// @param meter From `temporal_core_metric_meter_new`; do not use it again. May be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_meter_free(meter: *mut MetricMeter) {
    guard_infallible((), || {
        // SAFETY: `temporal_core_metric_meter_new` boxed the meter; this is the last use.
        drop(unsafe { taken_back(meter) });
        Ok(())
    });
}

/// Creates attributes: the ones you pass, and the runtime's own (`service_name`, if its options
/// attach it).
///
/// @param meter If NULL, the call logs an error and returns NULL.
/// @param attrs The attributes. If two have the same name, the later one wins. If one is malformed,
///              the call logs an error and returns NULL.
/// @param size  Number of `attrs`.
/// @return For metrics of the same runtime. Free it with `temporal_core_metric_attributes_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_attributes_new(
    meter: *const MetricMeter,
    attrs: *const MetricAttribute,
    size: size_t,
) -> *mut MetricAttributes {
    let arguments = AttributeArguments { data: attrs, size };
    guard_infallible(ptr::null_mut(), || {
        // SAFETY: meter and attributes are live for this call.
        let (meter, attrs) = unsafe {
            (
                Lent::handle(meter, "meter")?,
                Lent::by_value(&arguments, "attrs"),
            )
        };
        let meter = meter.get().clone();
        inside(&meter.core, ptr::null_mut(), || {
            appended(&meter, None, attrs)
        })
    })
}

/// Creates attributes from existing ones, which stay unchanged, and additional ones.
///
/// @param meter If NULL, the call logs an error and returns NULL.
/// @param orig  Existing attributes, from a meter of the same runtime; otherwise the call logs an
///              error and returns NULL. NULL = the runtime's own, as in
///              `temporal_core_metric_attributes_new`.
/// @param attrs The attributes to add. If two have the same name, the later one wins. If one is
///              malformed, the call logs an error and returns NULL.
/// @param size  Number of `attrs`.
/// @return Free it with `temporal_core_metric_attributes_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_attributes_new_append(
    meter: *const MetricMeter,
    orig: *const MetricAttributes,
    attrs: *const MetricAttribute,
    size: size_t,
) -> *mut MetricAttributes {
    let arguments = AttributeArguments { data: attrs, size };
    guard_infallible(ptr::null_mut(), || {
        // SAFETY: meter and attributes, old and new, are live for this call.
        let (meter, orig, attrs) = unsafe {
            (
                Lent::handle(meter, "meter")?,
                Lent::optional_handle(orig, "orig")?,
                Lent::by_value(&arguments, "attrs"),
            )
        };
        let (meter, orig) = (meter.get().clone(), orig.map(|orig| orig.get().clone()));
        inside(&meter.core, ptr::null_mut(), || {
            appended(&meter, orig.as_ref(), attrs)
        })
    })
}

fn appended(
    meter: &MetricMeter,
    orig: Option<&MetricAttributes>,
    attrs: Lent<'_, AttributeArguments>,
) -> Checked<*mut MetricAttributes> {
    let existing = match orig {
        None => meter.meter.get_default_attributes(),
        Some(orig) => orig.of(&meter.core)?,
    };
    let new = attrs.each()?.map(key_value).collect::<Checked<Vec<_>>>()?;
    let attributes = meter
        .meter
        .extend_attributes(existing.clone(), NewAttributes::new(new));
    Ok(boxed(MetricAttributes {
        attributes,
        core: meter.core.clone(),
    }))
}

impl MetricAttributes {
    /// Core's attributes. An error if another runtime's meter made them.
    fn of(&self, core: &Arc<Core>) -> Checked<&CoreAttributes> {
        if Arc::ptr_eq(&self.core, core) {
            Ok(&self.attributes)
        } else {
            Err("the attributes were made by another runtime's meter".to_owned())
        }
    }
}

fn key_value(attribute: Lent<'_, MetricAttribute>) -> Checked<MetricKeyValue> {
    let key = attribute.field("an attribute's key", |it| &it.key).text()?;
    let value_type = read_enum(
        &attribute.value_type,
        format_args!("value_type of attribute `{key}`"),
    )?;
    let value = attribute.field("value", |it| &it.value);
    // SAFETY: the caller has set the member that `value_type` names. Any bytes are a valid number, and
    // a text is lent like the attribute.
    let value = unsafe {
        match value_type {
            MetricAttributeValueType::String => {
                let text = value.field("value", |it| &it.string_value);
                let label = format!("the value of attribute `{key}`");
                MetricValue::String(text.text_of(label.as_str())?.to_owned())
            }
            MetricAttributeValueType::Int => MetricValue::Int(value.int_value),
            MetricAttributeValueType::Float => MetricValue::Float(value.float_value),
            MetricAttributeValueType::Bool => MetricValue::Bool(read_bool(&value.bool_value)),
        }
    };
    Ok(MetricKeyValue::new(key, value))
}

/// Frees the attributes.
///
/// @param attrs From a `temporal_core_metric_attributes_new…` function; do not use it again. May be
///              NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_attributes_free(attrs: *mut MetricAttributes) {
    guard_infallible((), || {
        // SAFETY: a `temporal_core_metric_attributes_new…` boxed the attributes; this is the last use.
        drop(unsafe { taken_back(attrs) });
        Ok(())
    });
}

/// Creates a metric.
///
/// @param meter   If NULL, the call logs an error and returns NULL.
/// @param options If NULL, or with an empty name or an unknown kind, the call logs an error and
///                returns NULL. If the exporter does not accept the name, the call logs an error,
///                and the metric records nothing.
/// @return Free it with `temporal_core_metric_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_new(
    meter: *const MetricMeter,
    options: *const MetricOptions,
) -> *mut Metric {
    guard_infallible(ptr::null_mut(), || {
        // SAFETY: the meter and the options, with everything they reference, are live for this call.
        let (meter, options) = unsafe {
            (
                Lent::handle(meter, "meter")?,
                Lent::required(options, "options"),
            )
        };
        let meter = meter.get().clone();
        inside(&meter.core, ptr::null_mut(), || {
            let (kind, parameters) = options.and_then(parameters)?;
            let default_attributes = meter.meter.get_default_attributes().clone();
            if let Err(reason) = check_metric(&default_attributes, &parameters) {
                log_error(export_of_val(&|| ()), &reason);
            }
            Ok(boxed(Metric(Arc::new(Recorder {
                instrument: Instrument::new(&meter.meter, kind, parameters),
                default_attributes,
                misuse_logged: AtomicBool::new(false),
                core: meter.core.clone(),
            }))))
        })
    })
}

fn parameters(options: Lent<'_, MetricOptions>) -> Checked<(MetricKind, MetricParameters)> {
    let name = options.field("options.name", |it| &it.name).line()?;
    let description = options
        .field("options.description", |it| &it.description)
        .text()?;
    let unit = options.field("options.unit", |it| &it.unit).line()?;
    if name.is_empty() {
        return Err("options.name is empty".to_owned());
    }
    let parameters = MetricParameters::builder()
        .name(name.to_owned())
        .description(description.to_owned())
        .unit(unit.to_owned())
        .build();
    let kind = options.field("options.kind", |it| &it.kind).constant()?;
    Ok((kind, parameters))
}

impl Instrument {
    fn new(meter: &TemporalMeter, kind: MetricKind, parameters: MetricParameters) -> Self {
        match kind {
            MetricKind::CounterInteger => Self::CounterInteger(meter.counter(parameters)),
            MetricKind::HistogramInteger => Self::HistogramInteger(meter.histogram(parameters)),
            MetricKind::HistogramFloat => Self::HistogramFloat(meter.histogram_f64(parameters)),
            MetricKind::HistogramDuration => {
                Self::HistogramDuration(meter.histogram_duration(parameters))
            }
            MetricKind::GaugeInteger => Self::GaugeInteger(meter.gauge(parameters)),
            MetricKind::GaugeFloat => Self::GaugeFloat(meter.gauge_f64(parameters)),
            MetricKind::UpDownCounterInteger => {
                Self::UpDownCounterInteger(meter.up_down_counter(parameters))
            }
        }
    }

    fn record(&self, value: Recorded, attributes: &CoreAttributes) -> Checked<()> {
        match (self, value) {
            (Self::UpDownCounterInteger(counter), Recorded::Signed(value)) => {
                counter.add(value, attributes);
            }
            (
                Self::CounterInteger(_) | Self::HistogramInteger(_) | Self::GaugeInteger(_),
                Recorded::Signed(value),
            ) => {
                let value = u64::try_from(value).map_err(|_| {
                    format!("{value} is negative; only up-down counters record such values")
                })?;
                return self.record(Recorded::Integer(value), attributes);
            }
            (Self::CounterInteger(counter), Recorded::Integer(value)) => {
                counter.add(value, attributes);
            }
            (Self::HistogramInteger(histogram), Recorded::Integer(value)) => {
                histogram.record(value, attributes);
            }
            (Self::GaugeInteger(gauge), Recorded::Integer(value)) => {
                gauge.record(value, attributes);
            }
            (Self::HistogramFloat(histogram), Recorded::Float(value)) => {
                histogram.record(value, attributes);
            }
            (Self::GaugeFloat(gauge), Recorded::Float(value)) => gauge.record(value, attributes),
            (Self::HistogramDuration(histogram), Recorded::Duration(value)) => {
                histogram.record(value, attributes);
            }
            _ => {
                return Err(format!(
                    "use {} for metrics of this kind",
                    self.recorded_by()
                ));
            }
        }
        Ok(())
    }

    /// The function for this kind.
    fn recorded_by(&self) -> &'static str {
        match self {
            Self::CounterInteger(_) | Self::HistogramInteger(_) | Self::GaugeInteger(_) => {
                "temporal_core_metric_record_integer"
            }
            Self::UpDownCounterInteger(_) => "temporal_core_metric_record_integer_signed",
            Self::HistogramFloat(_) | Self::GaugeFloat(_) => "temporal_core_metric_record_float",
            Self::HistogramDuration(_) => "temporal_core_metric_record_duration",
        }
    }
}

/// Frees the metric. What you recorded stays.
///
/// @param metric From `temporal_core_metric_new`; do not use it again. May be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_free(metric: *mut Metric) {
    guard_infallible((), || {
        // SAFETY: `temporal_core_metric_new` boxed the metric; this is the last use.
        drop(unsafe { taken_back(metric) });
        Ok(())
    });
}

fn record<Value>(
    metric: Checked<Lent<'_, Metric>>,
    value: Value,
    attributes: Checked<Option<Lent<'_, MetricAttributes>>>,
) where
    Value: FnOnce() -> Recorded,
{
    let export = export_of::<Value>;
    guard_named(export, (), || {
        let Metric(recorder) = metric?.get().clone();
        let attributes = attributes?.map(|attributes| attributes.get().clone());
        recorder.core.enter(|| {
            let recorded = match &attributes {
                None => Ok(&recorder.default_attributes),
                Some(attributes) => attributes.of(&recorder.core),
            }
            .and_then(|attributes| recorder.instrument.record(value(), attributes));
            if let Err(reason) = recorded
                && !recorder.misuse_logged.swap(true, Ordering::Relaxed)
            {
                log_error(
                    export,
                    &format!("{reason}; nothing is recorded (logged once per metric)"),
                );
            }
        });
        Ok(())
    });
}

/// Adds to an integer counter, records a value of an integer histogram, or sets an integer gauge.
///
/// @param metric If it is of another kind, the call records nothing and logs an error, once per
///               metric. If NULL, the call has no effect.
/// @param value  In the metric's unit.
/// @param attrs  NULL = the runtime's own. Those of another runtime are treated like a metric of
///               another kind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_record_integer(
    metric: *const Metric,
    value: u64,
    attrs: *const MetricAttributes,
) {
    // SAFETY: metric and attributes are live for this call, until the first callback.
    let (metric, attrs) = unsafe {
        (
            Lent::handle(metric, "metric"),
            Lent::optional_handle(attrs, "attrs"),
        )
    };
    record(metric, || Recorded::Integer(value), attrs);
}

/// Like `temporal_core_metric_record_integer`, and also for up-down counters, the only kind that
/// accepts negative values.
///
/// @param metric If it is of another kind, or the value is negative and it is not an up-down
///               counter, the call records nothing and logs an error, once per metric. If NULL, the
///               call has no effect.
/// @param value  In the metric's unit.
/// @param attrs  NULL = the runtime's own. Those of another runtime are treated like a metric of
///               another kind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_record_integer_signed(
    metric: *const Metric,
    value: i64,
    attrs: *const MetricAttributes,
) {
    // SAFETY: metric and attributes are live for this call, until the first callback.
    let (metric, attrs) = unsafe {
        (
            Lent::handle(metric, "metric"),
            Lent::optional_handle(attrs, "attrs"),
        )
    };
    record(metric, || Recorded::Signed(value), attrs);
}

/// Records a value of a float histogram, or sets a float gauge.
///
/// @param metric If it is of another kind, the call records nothing and logs an error, once per
///               metric. If NULL, the call has no effect.
/// @param value  In the metric's unit.
/// @param attrs  NULL = the runtime's own. Those of another runtime are treated like a metric of
///               another kind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_record_float(
    metric: *const Metric,
    value: f64,
    attrs: *const MetricAttributes,
) {
    // SAFETY: metric and attributes are live for this call, until the first callback.
    let (metric, attrs) = unsafe {
        (
            Lent::handle(metric, "metric"),
            Lent::optional_handle(attrs, "attrs"),
        )
    };
    record(metric, || Recorded::Float(value), attrs);
}

/// Records a value of a duration histogram.
///
/// @param metric   If it is of another kind, the call records nothing and logs an error, once per
///                 metric. If NULL, the call has no effect.
/// @param value_ms In milliseconds; exporters can be configured to show seconds.
/// @param attrs    NULL = the runtime's own. Those of another runtime are treated like a metric of
///                 another kind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_record_duration(
    metric: *const Metric,
    value_ms: u64,
    attrs: *const MetricAttributes,
) {
    // SAFETY: metric and attributes are live for this call, until the first callback.
    let (metric, attrs) = unsafe {
        (
            Lent::handle(metric, "metric"),
            Lent::optional_handle(attrs, "attrs"),
        )
    };
    let value = || Recorded::Duration(Duration::from_millis(value_ms));
    record(metric, value, attrs);
}
