//! Metrics that go to callbacks of the caller's instead of an exporter.

use crate::{
    byte_array::ByteArrayRef,
    ffi::{Checked, Lent},
    metric_kind::{MetricAttributeValueType, MetricKind},
};
use libc::size_t;
use std::{any::Any, error::Error, ffi::c_void, ptr, sync::Arc, time::Duration};
use temporalio_common::telemetry::metrics::{
    CoreMeter, Counter, CounterBase, Gauge, GaugeBase, GaugeF64, GaugeF64Base, Histogram,
    HistogramBase, HistogramDuration, HistogramDurationBase, HistogramF64, HistogramF64Base,
    MetricAttributable, MetricAttributes, MetricParameters, MetricValue, NewAttributes,
    UpDownCounter, UpDownCounterBase, core::CustomMetricAttributes,
};

/// Makes a metric; the ranges are valid until it returns.
///
/// @param name        Those of core have their prefix, such as `temporal_workflow_completed`.
/// @param description For people; may be empty.
/// @param unit        Such as `ms`; may be empty.
/// @param kind        Which of the record callbacks it goes to, and what is to be done with values.
/// @return            The caller's own pointer, passed to the record callbacks as it came, and
///                    once to `metric_free`.
pub type CustomMetricMeterMetricNewCallback = Option<
    unsafe extern "C" fn(
        name: ByteArrayRef,
        description: ByteArrayRef,
        unit: ByteArrayRef,
        kind: MetricKind,
    ) -> *const c_void,
>;

/// Frees a metric; no record callback uses it afterwards.
///
/// @param metric From `metric_new`.
pub type CustomMetricMeterMetricFreeCallback = Option<unsafe extern "C" fn(metric: *const c_void)>;

/// Records an integer.
///
/// @param metric     From `metric_new`.
/// @param value      A counter's increment, an up-down counter's change (the two's complement of
///                   the signed value), a gauge's or a histogram's value.
/// @param attributes From `attributes_new`.
pub type CustomMetricMeterMetricRecordIntegerCallback =
    Option<unsafe extern "C" fn(metric: *const c_void, value: u64, attributes: *const c_void)>;

/// Records a float.
///
/// @param metric     From `metric_new`.
/// @param value      A gauge's or a histogram's.
/// @param attributes From `attributes_new`.
pub type CustomMetricMeterMetricRecordFloatCallback =
    Option<unsafe extern "C" fn(metric: *const c_void, value: f64, attributes: *const c_void)>;

/// Records a duration.
///
/// @param metric     From `metric_new`.
/// @param value_ms   A duration histogram's, in milliseconds.
/// @param attributes From `attributes_new`.
pub type CustomMetricMeterMetricRecordDurationCallback =
    Option<unsafe extern "C" fn(metric: *const c_void, value_ms: u64, attributes: *const c_void)>;

/// Makes attributes.
///
/// @param append_from     Attributes that the new ones start from, unchanged themselves; NULL: none.
/// @param attributes      Those to be added; valid until it returns.
/// @param attributes_size Number of them.
/// @return                The caller's own pointer, passed to the other callbacks as it came, and
///                        once to `attributes_free`.
pub type CustomMetricMeterAttributesNewCallback = Option<
    unsafe extern "C" fn(
        append_from: *const c_void,
        attributes: *const CustomMetricAttribute,
        attributes_size: size_t,
    ) -> *const c_void,
>;

/// Frees attributes; no other callback uses them afterwards.
///
/// @param attributes From `attributes_new`.
pub type CustomMetricMeterAttributesFreeCallback =
    Option<unsafe extern "C" fn(attributes: *const c_void)>;

/// Frees the meter; no other callback of it runs afterwards.
///
/// @param meter As given in the runtime's options.
pub type CustomMetricMeterMeterFreeCallback =
    Option<unsafe extern "C" fn(meter: *const CustomMetricMeter)>;

/// A meter of the caller's. Every callback is required, and is called on any thread, several at
/// once; attribute pointers may be NULL. None may block, nor wait for another call: what is measured waits
/// meanwhile, so they cannot be queued.
///
/// Lives until `meter_free`, which runs once after the last reference is gone, also when
/// `temporal_core_runtime_new` fails.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CustomMetricMeter {
    /// Makes a metric.
    pub metric_new: CustomMetricMeterMetricNewCallback,
    /// Frees a metric.
    pub metric_free: CustomMetricMeterMetricFreeCallback,
    /// Records an integer.
    pub metric_record_integer: CustomMetricMeterMetricRecordIntegerCallback,
    /// Records a float.
    pub metric_record_float: CustomMetricMeterMetricRecordFloatCallback,
    /// Records a duration.
    pub metric_record_duration: CustomMetricMeterMetricRecordDurationCallback,
    /// Makes attributes.
    pub attributes_new: CustomMetricMeterAttributesNewCallback,
    /// Frees attributes.
    pub attributes_free: CustomMetricMeterAttributesFreeCallback,
    /// Frees the meter.
    pub meter_free: CustomMetricMeterMeterFreeCallback,
}

/// One attribute, as the meter is told it.
#[repr(C)]
pub struct CustomMetricAttribute {
    /// Its name.
    pub key: ByteArrayRef,
    /// Its value.
    pub value: CustomMetricAttributeValue,
    /// Which member of `value` is set.
    pub value_type: MetricAttributeValueType,
}

/// The value of an attribute.
#[repr(C)]
pub union CustomMetricAttributeValue {
    /// For `String`.
    pub string_value: CustomMetricAttributeValueString,
    /// For `Int`.
    pub int_value: i64,
    /// For `Float`.
    pub float_value: f64,
    /// For `Bool`.
    pub bool_value: bool,
}

/// A text value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CustomMetricAttributeValueString {
    /// First byte.
    pub data: *const u8,
    /// Number of bytes.
    pub size: size_t,
}

/// The caller's meter, until `meter_free`.
struct Owned {
    meter: *const CustomMetricMeter,
    callbacks: CustomMetricMeter,
}

// SAFETY: `CustomMetricMeter` asks for callbacks that any thread may call.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(meter_free) = self.callbacks.meter_free {
            // SAFETY: the meter is alive until this call, which is the only one.
            unsafe { meter_free(self.meter) }
        }
    }
}

/// [`CustomMetricMeter`] as the core knows meters.
pub(crate) struct CustomMeter(Arc<Owned>);

impl CustomMeter {
    /// Takes the meter over; from now on `meter_free` runs exactly once, whatever goes wrong.
    pub(crate) fn take(meter: Lent<'_, CustomMetricMeter>) -> Self {
        Self(Arc::new(Owned {
            meter: ptr::from_ref(meter.get()),
            callbacks: *meter,
        }))
    }

    /// That no callback is missing.
    pub(crate) fn complete(self) -> Checked<Self> {
        let CustomMetricMeter {
            metric_new,
            metric_free,
            metric_record_integer,
            metric_record_float,
            metric_record_duration,
            attributes_new,
            attributes_free,
            meter_free,
        } = self.0.callbacks;
        let callbacks = [
            ("metric_new", metric_new.is_some()),
            ("metric_free", metric_free.is_some()),
            ("metric_record_integer", metric_record_integer.is_some()),
            ("metric_record_float", metric_record_float.is_some()),
            ("metric_record_duration", metric_record_duration.is_some()),
            ("attributes_new", attributes_new.is_some()),
            ("attributes_free", attributes_free.is_some()),
            ("meter_free", meter_free.is_some()),
        ];
        match callbacks.iter().find(|(_, given)| !given) {
            None => Ok(self),
            Some((name, _)) => Err(format!("custom_meter.{name} is NULL")),
        }
    }

    fn attributes(&self, append_from: *const c_void, new: &NewAttributes) -> MetricAttributes {
        let attributes: Vec<_> = new
            .attributes
            .iter()
            .map(|attribute| {
                let (value, value_type) = match &attribute.value {
                    MetricValue::String(text) => (
                        CustomMetricAttributeValue {
                            string_value: CustomMetricAttributeValueString {
                                data: text.as_ptr(),
                                size: text.len(),
                            },
                        },
                        MetricAttributeValueType::String,
                    ),
                    MetricValue::Int(value) => (
                        CustomMetricAttributeValue { int_value: *value },
                        MetricAttributeValueType::Int,
                    ),
                    MetricValue::Float(value) => (
                        CustomMetricAttributeValue {
                            float_value: *value,
                        },
                        MetricAttributeValueType::Float,
                    ),
                    MetricValue::Bool(value) => (
                        CustomMetricAttributeValue { bool_value: *value },
                        MetricAttributeValueType::Bool,
                    ),
                };
                CustomMetricAttribute {
                    key: ByteArrayRef::lend(attribute.key.as_bytes()),
                    value,
                    value_type,
                }
            })
            .collect();
        let pointer = self
            .0
            .callbacks
            .attributes_new
            .map_or(ptr::null(), |attributes_new| {
                // SAFETY: the attributes outlive the call; `append_from` is the meter's own.
                unsafe { attributes_new(append_from, attributes.as_ptr(), attributes.len()) }
            });
        MetricAttributes::Dynamic(Arc::new(Attributes(Made {
            owned: self.0.clone(),
            pointer,
            free: self.0.callbacks.attributes_free,
        })))
    }

    fn instrument(&self, parameters: &MetricParameters, kind: MetricKind) -> Arc<Metric> {
        let pointer = self
            .0
            .callbacks
            .metric_new
            .map_or(ptr::null(), |metric_new| {
                // SAFETY: the texts outlive the call.
                unsafe {
                    metric_new(
                        ByteArrayRef::lend(parameters.name.as_bytes()),
                        ByteArrayRef::lend(parameters.description.as_bytes()),
                        ByteArrayRef::lend(parameters.unit.as_bytes()),
                        kind,
                    )
                }
            });
        Arc::new(Metric(Arc::new(Made {
            owned: self.0.clone(),
            pointer,
            free: self.0.callbacks.metric_free,
        })))
    }
}

impl std::fmt::Debug for CustomMeter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CustomMeter")
    }
}

impl CoreMeter for CustomMeter {
    fn new_attributes(&self, new: NewAttributes) -> MetricAttributes {
        self.attributes(ptr::null(), &new)
    }

    fn extend_attributes(
        &self,
        existing: MetricAttributes,
        new: NewAttributes,
    ) -> MetricAttributes {
        match Attributes::of(&existing, &self.0) {
            Ok(None) => self.attributes(ptr::null(), &new),
            Ok(Some(from)) => self.attributes(from.0.pointer, &new),
            Err(reason) => {
                tracing::error!(target: "temporal_static_libs", "custom meter: {reason}");
                existing
            }
        }
    }

    fn counter(&self, parameters: MetricParameters) -> Counter {
        Counter::new(self.instrument(&parameters, MetricKind::CounterInteger))
    }

    fn histogram(&self, parameters: MetricParameters) -> Histogram {
        Histogram::new(self.instrument(&parameters, MetricKind::HistogramInteger))
    }

    fn histogram_f64(&self, parameters: MetricParameters) -> HistogramF64 {
        HistogramF64::new(self.instrument(&parameters, MetricKind::HistogramFloat))
    }

    /// The unit stays what the metric's maker said: what becomes of the milliseconds is the
    /// caller's decision.
    fn histogram_duration(&self, parameters: MetricParameters) -> HistogramDuration {
        HistogramDuration::new(self.instrument(&parameters, MetricKind::HistogramDuration))
    }

    fn gauge(&self, parameters: MetricParameters) -> Gauge {
        Gauge::new(self.instrument(&parameters, MetricKind::GaugeInteger))
    }

    fn gauge_f64(&self, parameters: MetricParameters) -> GaugeF64 {
        GaugeF64::new(self.instrument(&parameters, MetricKind::GaugeFloat))
    }

    fn up_down_counter(&self, parameters: MetricParameters) -> UpDownCounter {
        UpDownCounter::new(self.instrument(&parameters, MetricKind::UpDownCounterInteger))
    }
}

/// Attributes that the caller's meter made.
struct Attributes(Made);

impl Attributes {
    /// The ones in `attributes`, if any, unless another meter made them: its pointers mean nothing
    /// to this one.
    fn of(attributes: &MetricAttributes, owned: &Arc<Owned>) -> Checked<Option<Arc<Self>>> {
        match attributes {
            MetricAttributes::Empty => Ok(None),
            MetricAttributes::Dynamic(attributes) => attributes
                .clone()
                .as_any()
                .downcast::<Self>()
                .ok()
                .filter(|attributes| Arc::ptr_eq(&attributes.0.owned, owned))
                .map(Some)
                .ok_or_else(|| "the attributes are another custom meter's".to_owned()),
            _ => Err("the attributes are not a custom meter's".to_owned()),
        }
    }
}

impl std::fmt::Debug for Attributes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Attributes")
    }
}

impl CustomMetricAttributes for Attributes {
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// What the caller's meter made: attributes or a metric.
struct Made {
    owned: Arc<Owned>,
    pointer: *const c_void,
    free: Option<unsafe extern "C" fn(*const c_void)>,
}

// SAFETY: never followed here; `CustomMetricMeter` asks for callbacks that any thread may call.
unsafe impl Send for Made {}
// SAFETY: as above.
unsafe impl Sync for Made {}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the meter's own callback and what it made, of which this is the last use.
            unsafe { free(self.pointer) }
        }
    }
}

/// What the core binds attributes to.
struct Metric(Arc<Made>);

impl Metric {
    fn bound(&self, attributes: &MetricAttributes) -> Checked<Bound> {
        Ok(Bound {
            attributes: Attributes::of(attributes, &self.0.owned)?,
            instrument: self.0.clone(),
        })
    }
}

/// A metric with its attributes.
struct Bound {
    instrument: Arc<Made>,
    attributes: Option<Arc<Attributes>>,
}

impl Bound {
    fn attributes(&self) -> *const c_void {
        let attributes = self.attributes.as_ref();
        attributes.map_or(ptr::null(), |attributes| attributes.0.pointer)
    }

    fn record_integer(&self, value: u64) {
        self.record(self.callbacks().metric_record_integer, value);
    }

    fn record_float(&self, value: f64) {
        self.record(self.callbacks().metric_record_float, value);
    }

    fn record_duration(&self, value: Duration) {
        let millis = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
        self.record(self.callbacks().metric_record_duration, millis);
    }

    fn callbacks(&self) -> &CustomMetricMeter {
        &self.instrument.owned.callbacks
    }

    fn record<Value>(
        &self,
        callback: Option<unsafe extern "C" fn(*const c_void, Value, *const c_void)>,
        value: Value,
    ) {
        if let Some(record) = callback {
            // SAFETY: metric and attributes are the meter's own, and not freed before `self`.
            unsafe { record(self.instrument.pointer, value, self.attributes()) }
        }
    }
}

/// One of the core's kinds of metric: its trait, the trait's method, and the callback it goes to.
macro_rules! kind {
    ($base:ident, $method:ident($value:ident: $type:ty), $bound:ident => $record:expr) => {
        impl $base for Bound {
            fn $method(&self, $value: $type) {
                let $bound = self;
                $record;
            }
        }

        impl MetricAttributable<Box<dyn $base>> for Metric {
            fn with_attributes(
                &self,
                attributes: &MetricAttributes,
            ) -> Result<Box<dyn $base>, Box<dyn Error>> {
                Ok(Box::new(self.bound(attributes)?))
            }
        }
    };
}

kind!(CounterBase, adds(value: u64), bound => bound.record_integer(value));
kind!(HistogramBase, records(value: u64), bound => bound.record_integer(value));
kind!(HistogramF64Base, records(value: f64), bound => bound.record_float(value));
kind!(HistogramDurationBase, records(value: Duration), bound => bound.record_duration(value));
kind!(GaugeBase, records(value: u64), bound => bound.record_integer(value));
kind!(GaugeF64Base, records(value: f64), bound => bound.record_float(value));
// The callback knows no signed integers: two's complement.
kind!(UpDownCounterBase, adds(value: i64), bound => bound.record_integer(value as u64));
