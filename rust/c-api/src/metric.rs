//! Metrics of the caller's own, recorded wherever the runtime's metrics go.

use crate::{
    byte_array::ByteArrayRef,
    ffi::{
        Checked, boxed, c_enum, free, guard_infallible, handle, optional, read_bool, read_enum,
        slice,
    },
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

/// Kind of a metric.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum MetricKind {
    /// Sum of non-negative integers.
    CounterInteger = 1,
    /// Distribution of non-negative integers.
    HistogramInteger,
    /// Distribution of floats.
    HistogramFloat,
    /// Distribution of durations.
    HistogramDuration,
    /// Last value, a non-negative integer.
    GaugeInteger,
    /// Last value, a float.
    GaugeFloat,
    /// Sum of integers of either sign.
    UpDownCounterInteger,
}

c_enum!(MetricKind {
    CounterInteger,
    HistogramInteger,
    HistogramFloat,
    HistogramDuration,
    GaugeInteger,
    GaugeFloat,
    UpDownCounterInteger,
});

/// Type of an attribute's value.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum MetricAttributeValueType {
    /// UTF-8 text.
    String = 1,
    /// Signed integer.
    Int,
    /// Double.
    Float,
    /// Boolean.
    Bool,
}

c_enum!(MetricAttributeValueType {
    String,
    Int,
    Float,
    Bool
});

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

/// A metric to make.
#[repr(C)]
pub struct MetricOptions {
    /// Its name, without a prefix. Required.
    pub name: ByteArrayRef,
    /// What it tells; may be empty.
    pub description: ByteArrayRef,
    /// Its unit; may be empty. Exporters set that of durations themselves.
    pub unit: ByteArrayRef,
    /// Its kind.
    pub kind: MaybeUninit<MetricKind>,
}

/// Makes metrics and attributes.
#[derive(Clone)]
pub struct MetricMeter {
    // Like the members of the types below: dropped before `core`, whose threads an exporter that
    // goes with its last reference still needs.
    meter: TemporalMeter,
    core: Arc<Core>,
}

/// Attributes of recorded values; immutable.
#[derive(Clone)]
pub struct MetricAttributes {
    attributes: CoreAttributes,
    core: Arc<Core>,
}

/// A metric to record values of.
#[derive(Clone)]
pub struct Metric(Arc<Recorder>);

struct Recorder {
    instrument: Instrument,
    /// Of values that are recorded without attributes.
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

/// The body of a function on a handle, with the runtime's logs. Such bodies work on a clone of the
/// handle, because a custom meter's callback may free the very handle that is in use.
fn inside<T>(
    core: &Core,
    function: &str,
    fallback: T,
    body: impl FnOnce() -> Checked<T>,
) -> Checked<T> {
    Ok(core.enter(|| guard_infallible(function, fallback, body)))
}

/// The runtime's meter.
///
/// @param runtime NULL gives NULL and an error log.
/// @return To be freed with `temporal_core_metric_meter_free`; NULL when the runtime has no
///         metrics.
///
/// What the meter makes, and the meter itself, may be used after the runtime was freed and freed
/// in any order; the runtime's threads and exporters stay until the last of them is gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_meter_new(runtime: *mut Runtime) -> *mut MetricMeter {
    const FUNCTION: &str = "temporal_core_metric_meter_new";
    guard_infallible(FUNCTION, ptr::null_mut(), || {
        // SAFETY: NULL or live, by this function's contract.
        let core = unsafe { Runtime::core(runtime) }?.clone();
        inside(&core, FUNCTION, ptr::null_mut(), || {
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

/// Frees the meter; what it made stays.
///
/// @param meter From `temporal_core_metric_meter_new`, not used again; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_meter_free(meter: *mut MetricMeter) {
    guard_infallible("temporal_core_metric_meter_free", (), || {
        // SAFETY: NULL or from `_new`, once, by this function's contract.
        unsafe { free(meter) };
        Ok(())
    });
}

/// Makes attributes: those of the runtime (`service_name`, if its options attach it), and these.
///
/// @param meter NULL gives NULL and an error log.
/// @param attrs Dropped by the caller once the call returns. A later one of the same name wins. A
///              malformed one gives NULL and an error log.
/// @param size  Number of `attrs`.
/// @return To be freed with `temporal_core_metric_attributes_free`. For metrics of the same runtime
///         only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_attributes_new(
    meter: *const MetricMeter,
    attrs: *const MetricAttribute,
    size: size_t,
) -> *mut MetricAttributes {
    const FUNCTION: &str = "temporal_core_metric_attributes_new";
    // SAFETY: NULL or live, by this function's contract.
    unsafe { appended(FUNCTION, meter, ptr::null(), attrs, size) }
}

/// Makes attributes of existing ones, which stay as they are, and more.
///
/// @param meter NULL gives NULL and an error log.
/// @param orig  Made by a meter of the same runtime; of another, gives NULL and an error log. NULL
///              stands for the runtime's own, as in `temporal_core_metric_attributes_new`.
/// @param attrs Dropped by the caller once the call returns. A later one of the same name wins. A
///              malformed one gives NULL and an error log.
/// @param size  Number of `attrs`.
/// @return To be freed with `temporal_core_metric_attributes_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_attributes_new_append(
    meter: *const MetricMeter,
    orig: *const MetricAttributes,
    attrs: *const MetricAttribute,
    size: size_t,
) -> *mut MetricAttributes {
    const FUNCTION: &str = "temporal_core_metric_attributes_new_append";
    // SAFETY: NULL or live, by this function's contract.
    unsafe { appended(FUNCTION, meter, orig, attrs, size) }
}

/// # Safety
/// `meter`, `orig` and `attrs` are NULL or live, and so is all they point to.
unsafe fn appended(
    function: &str,
    meter: *const MetricMeter,
    orig: *const MetricAttributes,
    attrs: *const MetricAttribute,
    size: size_t,
) -> *mut MetricAttributes {
    guard_infallible(function, ptr::null_mut(), || {
        // SAFETY: the caller's promise.
        let (meter, orig) = unsafe { (handle(meter, "meter")?.clone(), optional(orig).cloned()) };
        inside(&meter.core, function, ptr::null_mut(), || {
            let existing = match &orig {
                None => meter.meter.get_default_attributes(),
                Some(orig) => orig.of(&meter.core)?,
            };
            // SAFETY: the caller's promise.
            let new = unsafe { slice(attrs, size, "attrs") }?
                .iter()
                // SAFETY: the caller's promise.
                .map(|attribute| unsafe { attribute.key_value() })
                .collect::<Checked<Vec<_>>>()?;
            let attributes = meter
                .meter
                .extend_attributes(existing.clone(), NewAttributes::new(new));
            Ok(boxed(MetricAttributes {
                attributes,
                core: meter.core.clone(),
            }))
        })
    })
}

impl MetricAttributes {
    /// The core's attributes, unless another runtime's meter made them.
    fn of(&self, core: &Arc<Core>) -> Checked<&CoreAttributes> {
        if Arc::ptr_eq(&self.core, core) {
            Ok(&self.attributes)
        } else {
            Err("the attributes were made by another runtime's meter".to_owned())
        }
    }
}

impl MetricAttribute {
    /// # Safety
    /// The ranges within are live.
    unsafe fn key_value(&self) -> Checked<MetricKeyValue> {
        // SAFETY: the caller's promise.
        let key = unsafe { self.key.text("an attribute's key") }?;
        let value_type = read_enum(
            &self.value_type,
            &format!("value_type of attribute `{key}`"),
        )?;
        // SAFETY: `value_type` says which member the caller set.
        let value = unsafe {
            match value_type {
                MetricAttributeValueType::String => {
                    let text = self.value.string_value;
                    MetricValue::String(
                        text.text(&format!("the value of attribute `{key}`"))?
                            .to_owned(),
                    )
                }
                MetricAttributeValueType::Int => MetricValue::Int(self.value.int_value),
                MetricAttributeValueType::Float => MetricValue::Float(self.value.float_value),
                MetricAttributeValueType::Bool => {
                    MetricValue::Bool(read_bool(&self.value.bool_value))
                }
            }
        };
        Ok(MetricKeyValue::new(key, value))
    }
}

/// Frees the attributes.
///
/// @param attrs From a `temporal_core_metric_attributes_new…`, not used again; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_attributes_free(attrs: *mut MetricAttributes) {
    guard_infallible("temporal_core_metric_attributes_free", (), || {
        // SAFETY: NULL or from a `_new`, once, by this function's contract.
        unsafe { free(attrs) };
        Ok(())
    });
}

/// Makes a metric.
///
/// @param meter   NULL gives NULL and an error log.
/// @param options Dropped by the caller once the call returns. NULL, an empty name and an unknown
///                kind give NULL and an error log. A name that the exporter does not take is an
///                error log; the metric then records nothing.
/// @return To be freed with `temporal_core_metric_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_new(
    meter: *const MetricMeter,
    options: *const MetricOptions,
) -> *mut Metric {
    const FUNCTION: &str = "temporal_core_metric_new";
    guard_infallible(FUNCTION, ptr::null_mut(), || {
        // SAFETY: NULL or live, by this function's contract.
        let meter = unsafe { handle(meter, "meter") }?.clone();
        inside(&meter.core, FUNCTION, ptr::null_mut(), || {
            // SAFETY: NULL or live, by this function's contract.
            let (kind, parameters) = unsafe { handle(options, "options")?.parameters() }?;
            let default_attributes = meter.meter.get_default_attributes().clone();
            if let Err(reason) = check_metric(&default_attributes, &parameters) {
                tracing::error!(target: "temporal_static_libs", "{FUNCTION}: {reason}");
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

impl MetricOptions {
    /// # Safety
    /// The ranges within are live.
    unsafe fn parameters(&self) -> Checked<(MetricKind, MetricParameters)> {
        // SAFETY: the caller's promise.
        let (name, description, unit) = unsafe {
            (
                self.name.line("options.name")?,
                self.description.text("options.description")?,
                self.unit.line("options.unit")?,
            )
        };
        if name.is_empty() {
            return Err("options.name is empty".to_owned());
        }
        let parameters = MetricParameters::builder()
            .name(name.to_owned())
            .description(description.to_owned())
            .unit(unit.to_owned())
            .build();
        Ok((read_enum(&self.kind, "options.kind")?, parameters))
    }
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
                    "{} records metrics of this kind",
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

/// Frees the metric; what it recorded stays.
///
/// @param metric From `temporal_core_metric_new`, not used again; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_free(metric: *mut Metric) {
    guard_infallible("temporal_core_metric_free", (), || {
        // SAFETY: NULL or from `_new`, once, by this function's contract.
        unsafe { free(metric) };
        Ok(())
    });
}

/// # Safety
/// `metric` and `attributes` are NULL or live.
unsafe fn record(
    function: &str,
    metric: *const Metric,
    value: Recorded,
    attributes: *const MetricAttributes,
) {
    guard_infallible(function, (), || {
        // SAFETY: the caller's promise.
        let (metric, attributes) = unsafe {
            (
                handle(metric, "metric")?.clone(),
                optional(attributes).cloned(),
            )
        };
        let Metric(recorder) = &metric;
        recorder.core.enter(|| {
            let recorded = match &attributes {
                None => Ok(&recorder.default_attributes),
                Some(attributes) => attributes.of(&recorder.core),
            }
            .and_then(|attributes| recorder.instrument.record(value, attributes));
            if let Err(reason) = recorded
                && !recorder.misuse_logged.swap(true, Ordering::Relaxed)
            {
                tracing::error!(
                    target: "temporal_static_libs",
                    "{function}: {reason}; nothing is recorded, and this is said once a metric"
                );
            }
        });
        Ok(())
    });
}

/// Adds to a counter, records a value of a histogram, or sets a gauge; of integers.
///
/// @param metric Of another kind: nothing is recorded, and an error is logged once a metric. NULL
///               is a no-op.
/// @param value  In the metric's unit.
/// @param attrs  NULL stands for the runtime's own; of another runtime, like a metric of another
///               kind.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_record_integer(
    metric: *const Metric,
    value: u64,
    attrs: *const MetricAttributes,
) {
    const FUNCTION: &str = "temporal_core_metric_record_integer";
    // SAFETY: NULL or live, by this function's contract.
    unsafe { record(FUNCTION, metric, Recorded::Integer(value), attrs) };
}

/// As `temporal_core_metric_record_integer`, and for up-down counters too, which alone take negative
/// values.
///
/// @param metric Of another kind, or a negative value of another metric than an up-down counter:
///               nothing is recorded, and an error is logged once a metric. NULL is a no-op.
/// @param value  In the metric's unit.
/// @param attrs  NULL stands for the runtime's own; of another runtime, like a metric of another
///               kind.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_record_integer_signed(
    metric: *const Metric,
    value: i64,
    attrs: *const MetricAttributes,
) {
    const FUNCTION: &str = "temporal_core_metric_record_integer_signed";
    // SAFETY: NULL or live, by this function's contract.
    unsafe { record(FUNCTION, metric, Recorded::Signed(value), attrs) };
}

/// Records a value of a histogram, or sets a gauge; of floats.
///
/// @param metric Of another kind: nothing is recorded, and an error is logged once a metric. NULL
///               is a no-op.
/// @param value  In the metric's unit.
/// @param attrs  NULL stands for the runtime's own; of another runtime, like a metric of another
///               kind.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_record_float(
    metric: *const Metric,
    value: f64,
    attrs: *const MetricAttributes,
) {
    const FUNCTION: &str = "temporal_core_metric_record_float";
    // SAFETY: NULL or live, by this function's contract.
    unsafe { record(FUNCTION, metric, Recorded::Float(value), attrs) };
}

/// Records a value of a duration histogram.
///
/// @param metric   Of another kind: nothing is recorded, and an error is logged once a metric. NULL
///                 is a no-op.
/// @param value_ms Milliseconds; exporters may be set up to show seconds.
/// @param attrs    NULL stands for the runtime's own; of another runtime, like a metric of another
///                 kind.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_metric_record_duration(
    metric: *const Metric,
    value_ms: u64,
    attrs: *const MetricAttributes,
) {
    const FUNCTION: &str = "temporal_core_metric_record_duration";
    let value = Recorded::Duration(Duration::from_millis(value_ms));
    // SAFETY: NULL or live, by this function's contract.
    unsafe { record(FUNCTION, metric, value, attrs) };
}
