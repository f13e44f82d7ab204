//! Both framings: any split of the stream gives the same messages, and what was decoded can be encoded again.

use ponder::netconf::framing::{Decoder, Framing, FramingError, Incoming, encode};

const LIMIT: usize = 200;

/// The first byte chooses the framing and the size of the slices.
pub fn run(data: &[u8]) {
    let Some((&choice, stream)) = data.split_first() else {
        return;
    };
    let framing = if choice % 2 == 0 {
        Framing::Chunked
    } else {
        Framing::EndOfMessage
    };
    let whole = decode(framing, stream, stream.len().max(1));
    let sliced = decode(framing, stream, usize::from(choice / 2).max(1));
    assert_eq!(whole, sliced);
    for incoming in whole.0 {
        let Incoming::Message(message) = incoming else {
            continue;
        };
        let Ok(text) = String::from_utf8(message.clone()) else {
            continue;
        };
        if text.is_empty() || (framing == Framing::EndOfMessage && text.contains("]]>]]>")) {
            continue;
        }
        let again = encode(framing, vec![text]).concat();
        assert_eq!(
            decode(framing, &again, 7),
            (vec![Incoming::Message(message)], None)
        );
    }
}

fn decode(framing: Framing, stream: &[u8], slice: usize) -> (Vec<Incoming>, Option<FramingError>) {
    let mut decoder = Decoder::new(LIMIT);
    decoder.switch_to(framing);
    let mut found = Vec::new();
    for mut slice in stream.chunks(slice) {
        loop {
            match decoder.decode(&mut slice) {
                Ok(Some(incoming)) => found.push(incoming),
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
    }
    (found, None)
}
