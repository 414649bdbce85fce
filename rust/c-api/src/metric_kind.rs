//! Kinds of metrics, and types of their attributes' values.

use crate::ffi::c_enum;

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
    /// A current value, a non-negative integer.
    GaugeInteger,
    /// A current value, a float.
    GaugeFloat,
    /// Sum of integers that can be negative.
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

/// Type of the value of an attribute.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum MetricAttributeValueType {
    /// UTF-8 string.
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
