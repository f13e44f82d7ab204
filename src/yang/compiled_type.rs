//! What a compiled type says about its values, read from libyang as plain data.

use std::ffi::c_char;

use libyang5_sys as ffi;

use crate::yang::schema_node::{array, borrowed};
use crate::yang::value_rule::{ValueRule, ValueTraits};

/// # Safety
/// `kind` is a compiled type.
pub(in crate::yang) unsafe fn value_traits(kind: *const ffi::lysc_type) -> ValueTraits {
    use ffi::LY_DATA_TYPE as base;
    let plain = ValueTraits::default();
    // SAFETY: the caller's promise; the base type says which structure it is in full.
    unsafe {
        match (*kind).basetype {
            base::LY_TYPE_STRING if is_expression((*kind).plugin_ref) => ValueTraits {
                names_modules: true,
                ..plain
            },
            // RFC 7950 sections 9.5.1 and 9.6.1: exactly the word, so blanks around it are a fault of their own.
            base::LY_TYPE_STRING | base::LY_TYPE_ENUM | base::LY_TYPE_BOOL => ValueTraits {
                keeps_blanks: true,
                ..plain
            },
            base::LY_TYPE_IDENT | base::LY_TYPE_INST => ValueTraits {
                names_modules: true,
                ..plain
            },
            base::LY_TYPE_LEAFREF => value_traits((*kind.cast::<ffi::lysc_type_leafref>()).realtype),
            base::LY_TYPE_UNION => {
                let members = array((*kind.cast::<ffi::lysc_type_union>()).types);
                let union = ValueTraits {
                    is_union: true,
                    ..plain
                };
                members.iter().fold(union, |all, member| {
                    let one = value_traits(*member);
                    ValueTraits {
                        keeps_blanks: all.keeps_blanks || one.keeps_blanks,
                        names_modules: all.names_modules || one.names_modules,
                        is_union: true,
                    }
                })
            }
            _ => plain,
        }
    }
}

/// # Safety
/// `kind` is a compiled type.
pub(in crate::yang) unsafe fn value_rule(kind: *const ffi::lysc_type) -> ValueRule {
    use ffi::LY_DATA_TYPE as base;
    // SAFETY: the caller's promise; the base type says which structure it is in full.
    unsafe {
        match (*kind).basetype {
            base::LY_TYPE_UINT8 => integer(kind, true, (0, i128::from(u8::MAX))),
            base::LY_TYPE_UINT16 => integer(kind, true, (0, i128::from(u16::MAX))),
            base::LY_TYPE_UINT32 => integer(kind, true, (0, i128::from(u32::MAX))),
            base::LY_TYPE_UINT64 => integer(kind, true, (0, i128::from(u64::MAX))),
            base::LY_TYPE_INT8 => integer(kind, false, (i128::from(i8::MIN), i128::from(i8::MAX))),
            base::LY_TYPE_INT16 => integer(kind, false, (i128::from(i16::MIN), i128::from(i16::MAX))),
            base::LY_TYPE_INT32 => integer(kind, false, (i128::from(i32::MIN), i128::from(i32::MAX))),
            base::LY_TYPE_INT64 => integer(kind, false, (i128::from(i64::MIN), i128::from(i64::MAX))),
            base::LY_TYPE_DEC64 => {
                let decimal = &*kind.cast::<ffi::lysc_type_dec>();
                ValueRule::Decimal {
                    digits: decimal.fraction_digits,
                    ranges: ranges(decimal.range, false),
                }
            }
            base::LY_TYPE_STRING if is_expression((*kind).plugin_ref) => ValueRule::Expression,
            base::LY_TYPE_STRING => {
                let string = &*kind.cast::<ffi::lysc_type_str>();
                ValueRule::Text {
                    lengths: ranges(string.length, true),
                    patterns: array(string.patterns)
                        .iter()
                        .map(|pattern| {
                            let text = borrowed((**pattern).expr).unwrap_or_default().to_owned();
                            (text, (**pattern).inverted() != 0)
                        })
                        .collect(),
                }
            }
            base::LY_TYPE_ENUM => ValueRule::Enumeration(names((*kind.cast::<ffi::lysc_type_enum>()).enums)),
            base::LY_TYPE_BITS => ValueRule::Bits(names((*kind.cast::<ffi::lysc_type_bits>()).bits)),
            base::LY_TYPE_BOOL => ValueRule::Boolean,
            base::LY_TYPE_EMPTY => ValueRule::Empty,
            base::LY_TYPE_IDENT => ValueRule::Identity(
                array((*kind.cast::<ffi::lysc_type_identityref>()).bases)
                    .iter()
                    .map(|identity| borrowed((**identity).name).unwrap_or_default().to_owned())
                    .collect(),
            ),
            base::LY_TYPE_LEAFREF => ValueRule::Reference(Box::new(value_rule(
                (*kind.cast::<ffi::lysc_type_leafref>()).realtype,
            ))),
            base::LY_TYPE_UNION => ValueRule::Union(
                array((*kind.cast::<ffi::lysc_type_union>()).types)
                    .iter()
                    .map(|member| value_rule(*member))
                    .collect(),
            ),
            base::LY_TYPE_INST => ValueRule::InstanceIdentifier,
            _ => ValueRule::Binary,
        }
    }
}

/// Whether a type's values are XPath expressions (`xpath1.0` of ietf-yang-types, `node-instance-identifier` of
/// ietf-netconf-acm), so that prefixes in them mean modules.
pub(in crate::yang) fn is_expression(plugin: usize) -> bool {
    EXPRESSIONS.iter().any(|expression| is_called(plugin, expression))
}

/// Whether libyang calls a type so, its version apart.
fn is_called(plugin: usize, wanted: &str) -> bool {
    // SAFETY: every compiled type refers to its plugin, which lives as long as the program; a plugin begins with the
    // pointer to its name (libyang's plugins_types.h), which the bindings keep to themselves.
    let name = unsafe {
        let plugin = ffi::lysc_get_type_plugin(plugin);
        if plugin.is_null() {
            return false;
        }
        borrowed(plugin.cast::<*const c_char>().read())
    };
    name.is_some_and(|name| name.ends_with(wanted))
}

/// Has a `node-instance-identifier` kept as the XPath expression that it is, where the schema has such a type at all:
/// libyang's own one refuses a path that gives some keys of a list, which RFC 8341 section 3.5 allows. Whoever acts on
/// the path has to see whether it leads anywhere.
///
/// # Safety
/// `kind` is null or a compiled type that nobody else uses meanwhile, and no value of it exists. `plugins` are the types
/// of the same schema.
pub(in crate::yang) unsafe fn keep_as_expression(
    kind: *mut ffi::lysc_type,
    plugins: impl IntoIterator<Item = usize>,
) {
    let [xpath, node_instance] = EXPRESSIONS;
    // SAFETY: the caller's promise.
    unsafe {
        if kind.is_null() || !is_called((*kind).plugin_ref, node_instance) {
            return;
        }
        if let Some(plugin) = plugins.into_iter().find(|plugin| is_called(*plugin, xpath)) {
            (*kind).plugin_ref = plugin;
        }
    }
}

/// # Safety
/// `kind` is a compiled type.
pub(in crate::yang) unsafe fn type_plugins(kind: *const ffi::lysc_type) -> Vec<usize> {
    // SAFETY: the caller's promise; the base type says which structure it is in full.
    unsafe {
        match (*kind).basetype {
            ffi::LY_DATA_TYPE::LY_TYPE_UNION => array((*kind.cast::<ffi::lysc_type_union>()).types)
                .iter()
                .flat_map(|member| type_plugins(*member))
                .collect(),
            ffi::LY_DATA_TYPE::LY_TYPE_LEAFREF => {
                type_plugins((*kind.cast::<ffi::lysc_type_leafref>()).realtype)
            }
            _ => vec![(*kind).plugin_ref],
        }
    }
}

/// How libyang calls the types whose values are expressions.
const EXPRESSIONS: [&str; 2] = [" xpath1.0", " node-instance-identifier"];

/// # Safety
/// `range` is null or a compiled range.
unsafe fn ranges(range: *const ffi::lysc_range, is_unsigned: bool) -> Vec<(i128, i128)> {
    if range.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller's promise; the type says which member of the union is set.
    unsafe {
        array((*range).parts)
            .iter()
            .map(|part| {
                if is_unsigned {
                    (
                        i128::from(part.__bindgen_anon_1.min_u64),
                        i128::from(part.__bindgen_anon_2.max_u64),
                    )
                } else {
                    (
                        i128::from(part.__bindgen_anon_1.min_64),
                        i128::from(part.__bindgen_anon_2.max_64),
                    )
                }
            })
            .collect()
    }
}

/// # Safety
/// `kind` is a compiled integer type.
unsafe fn integer(kind: *const ffi::lysc_type, is_unsigned: bool, whole: (i128, i128)) -> ValueRule {
    // SAFETY: the caller's promise.
    let found = unsafe { ranges((*kind.cast::<ffi::lysc_type_num>()).range, is_unsigned) };
    ValueRule::Integer(if found.is_empty() { vec![whole] } else { found })
}

/// # Safety
/// `items` is null or a compiled array of enums or bits.
unsafe fn names(items: *const ffi::lysc_type_bitenum_item) -> Vec<String> {
    // SAFETY: the caller's promise.
    unsafe {
        array(items)
            .iter()
            .map(|item| borrowed(item.name).unwrap_or_default().to_owned())
            .collect()
    }
}
