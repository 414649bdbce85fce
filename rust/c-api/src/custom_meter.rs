//! Metrics that go to callbacks of the caller instead of an exporter.

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

/// Creates a metric.
///
/// @param name        Core's own metrics have the prefix, as in `temporal_workflow_completed`.
///                    Valid until the callback returns, like the other strings.
/// @param description For people. May be empty.
/// @param unit        For example `ms`. May be empty.
/// @param kind        Selects the record callback, and what to do with the values.
/// @return Your own pointer, which the record callbacks receive unchanged, and at the end
///         `metric_free`.
pub type CustomMetricMeterMetricNewCallback = Option<
    unsafe extern "C" fn(
        name: ByteArrayRef,
        description: ByteArrayRef,
        unit: ByteArrayRef,
        kind: MetricKind,
    ) -> *const c_void,
>;

/// Frees a metric. No record callback receives it afterwards.
///
/// @param metric From `metric_new`.
pub type CustomMetricMeterMetricFreeCallback = Option<unsafe extern "C" fn(metric: *const c_void)>;

/// Records an integer.
///
/// @param metric     From `metric_new`.
/// @param value      The increment of a counter, the change of an up-down counter (a signed value
///                   in two's complement), or the value of a gauge or a histogram.
/// @param attributes From `attributes_new`.
pub type CustomMetricMeterMetricRecordIntegerCallback =
    Option<unsafe extern "C" fn(metric: *const c_void, value: u64, attributes: *const c_void)>;

/// Records a float.
///
/// @param metric     From `metric_new`.
/// @param value      The value of a gauge or a histogram.
/// @param attributes From `attributes_new`.
pub type CustomMetricMeterMetricRecordFloatCallback =
    Option<unsafe extern "C" fn(metric: *const c_void, value: f64, attributes: *const c_void)>;

/// Records a duration.
///
/// @param metric     From `metric_new`.
/// @param value_ms   The value of a duration histogram, in milliseconds.
/// @param attributes From `attributes_new`.
pub type CustomMetricMeterMetricRecordDurationCallback =
    Option<unsafe extern "C" fn(metric: *const c_void, value_ms: u64, attributes: *const c_void)>;

/// Creates attributes.
///
/// @param append_from     Attributes to copy into the new ones; they stay unchanged. NULL = none.
/// @param attributes      Attributes to add. Valid until the callback returns.
/// @param attributes_size Number of `attributes`.
/// @return Your own pointer, which the other callbacks receive unchanged, and at the end
///         `attributes_free`.
pub type CustomMetricMeterAttributesNewCallback = Option<
    unsafe extern "C" fn(
        append_from: *const c_void,
        attributes: *const CustomMetricAttribute,
        attributes_size: size_t,
    ) -> *const c_void,
>;

/// Frees attributes. No other callback receives them afterwards.
///
/// @param attributes From `attributes_new`.
pub type CustomMetricMeterAttributesFreeCallback =
    Option<unsafe extern "C" fn(attributes: *const c_void)>;

/// Frees the meter. None of its callbacks runs afterwards.
///
/// @param meter What you set in the runtime's options.
pub type CustomMetricMeterMeterFreeCallback =
    Option<unsafe extern "C" fn(meter: *const CustomMetricMeter)>;

/// A meter that you implement. All callbacks are required. They are called from any thread, several
/// at the same time. Pointers to attributes may be NULL. The callbacks must not block or wait for
/// another call, because the thread that records waits for them; they cannot be queued.
///
/// The meter must stay valid until `meter_free`, which is called once, after the last use, even if
/// `temporal_core_runtime_new` fails.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CustomMetricMeter {
    /// Creates a metric.
    pub metric_new: CustomMetricMeterMetricNewCallback,
    /// Frees a metric.
    pub metric_free: CustomMetricMeterMetricFreeCallback,
    /// Records an integer.
    pub metric_record_integer: CustomMetricMeterMetricRecordIntegerCallback,
    /// Records a float.
    pub metric_record_float: CustomMetricMeterMetricRecordFloatCallback,
    /// Records a duration.
    pub metric_record_duration: CustomMetricMeterMetricRecordDurationCallback,
    /// Creates attributes.
    pub attributes_new: CustomMetricMeterAttributesNewCallback,
    /// Frees attributes.
    pub attributes_free: CustomMetricMeterAttributesFreeCallback,
    /// Frees the meter.
    pub meter_free: CustomMetricMeterMeterFreeCallback,
}

/// One attribute, as the meter receives it.
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

/// A string value.
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

// SAFETY: `CustomMetricMeter` requires callbacks that any thread can call.
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

/// [`CustomMetricMeter`] as a meter of core.
pub(crate) struct CustomMeter(Arc<Owned>);

impl CustomMeter {
    /// Takes over the meter. From now on `meter_free` is called exactly once, even if something
    /// fails.
    pub(crate) fn take(meter: Lent<'_, CustomMetricMeter>) -> Self {
        Self(Arc::new(Owned {
            meter: ptr::from_ref(meter.get()),
            callbacks: *meter,
        }))
    }

    /// Checks that no callback is missing.
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

    fn instrument(&self, parameters: &MetricParameters, kind: MetricKind) -> Arc<CallerMetric> {
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
        Arc::new(CallerMetric(Arc::new(Made {
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

    /// Keeps the unit that the metric was created with: the caller decides what to do with the
    /// milliseconds.
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
    /// The attributes in `attributes`, if any. An error if another meter made them, because its
    /// pointers mean nothing to this one.
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
                .ok_or_else(|| "the attributes belong to another custom meter".to_owned()),
            _ => Err("the attributes do not belong to a custom meter".to_owned()),
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

// SAFETY: never dereferenced; `CustomMetricMeter` requires callbacks that any thread can call.
unsafe impl Send for Made {}
// SAFETY: as above.
unsafe impl Sync for Made {}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the meter's own callback, and the last use of what it made.
            unsafe { free(self.pointer) }
        }
    }
}

/// A metric of the caller's meter, which core binds attributes to.
struct CallerMetric(Arc<Made>);

impl CallerMetric {
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

/// One of core's kinds of metric: its trait, the trait's method, and the callback that is called.
macro_rules! kind {
    ($base:ident, $method:ident($value:ident: $type:ty), $bound:ident => $record:expr) => {
        impl $base for Bound {
            fn $method(&self, $value: $type) {
                let $bound = self;
                $record;
            }
        }

        impl MetricAttributable<Box<dyn $base>> for CallerMetric {
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
// The callback has no signed integers, so this is two's complement.
kind!(UpDownCounterBase, adds(value: i64), bound => bound.record_integer(value as u64));
