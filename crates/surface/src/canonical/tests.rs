use proptest::prelude::*;
use serde_json::json;
use wire::{Document, Policy};

use super::*;

fn canonical(text: &str) -> String {
    let document = Document::parse(text.as_bytes(), &Policy::default()).expect("JSON");
    let value = crate::json::exact(document.root()).expect("exact JSON");
    String::from_utf8(to_vec(&value)).expect("UTF-8")
}

/// RFC 8785 §3.2.2, the example, without its number that no double carries.
#[test]
fn the_example_of_the_rfc() {
    let input = r#"{
        "numbers": [1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let output = "{\"literals\":[null,true,false],\"numbers\":[1e+30,4.5,0.002,1e-27],\
                  \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    assert_eq!(canonical(input), output);
}

/// RFC 8785 §3.2.3.
#[test]
fn keys_are_sorted_by_utf_16_code_unit() {
    let input = r#"{
        "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"
    }"#;
    let order = ["\\r", "1", "\u{80}", "ö", "€", "😀", "\u{fb33}"];
    let output = canonical(input);
    let at: Vec<_> = order.iter().map(|key| output.find(&format!("\"{key}\":"))).collect();
    assert!(at.is_sorted() && at.iter().all(Option::is_some), "{output}");
}

/// RFC 8785 appendix B, by the bits of the double.
#[test]
fn numbers_are_written_as_the_rfc_does() {
    for (bits, text) in [
        (0x0000_0000_0000_0000_u64, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] {
        assert_eq!(String::from_utf8(to_vec(&json!(f64::from_bits(bits)))).expect("UTF-8"), text);
    }
}

#[test]
fn every_byte_below_a_space_is_escaped_wherever_it_stands() {
    for byte in 0..0x20_u8 {
        for before in [0, 1, 15, 16, 17, 40] {
            let text = format!("{}{}é", "x".repeat(before), char::from(byte));
            let value = json!({ "k": text });
            let bytes = to_vec(&value);
            assert!(bytes.iter().all(|byte| *byte >= 0x20));
            assert_eq!(serde_json::from_slice::<Value>(&bytes).expect("JSON"), value);
        }
    }
}

proptest! {
    #[test]
    fn what_is_canonical_stays_so(keys in prop::collection::vec(any::<String>(), 0..6), x in any::<f64>()) {
        let members: Map<_, _> = keys.into_iter().map(|key| (key.clone(), json!([key, x]))).collect();
        let once = String::from_utf8(to_vec(&Value::Object(members))).expect("UTF-8");
        prop_assume!(Document::parse(once.as_bytes(), &Policy::default()).is_ok_and(|d| d.notes().is_empty()));
        prop_assert_eq!(canonical(&once), once);
    }
}
