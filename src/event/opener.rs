//! Opens one item within bounds: who takes its signals, and how much of it may be unpacked.

use std::borrow::Cow;

use base64::Engine as _;

use crate::event::envelope::Malformed;
use crate::event::signal::Signal;
use crate::event::value::mended;
use crate::identity::FunctionIdentity;

/// What opens one item: who looks at it, who takes its signals, and how much of it may be unpacked.
pub(crate) struct Opener<'o> {
    pub(crate) home: &'o FunctionIdentity,
    pub(crate) sink: &'o mut dyn FnMut(Signal),
    /// See [`Items::left`].
    pub(crate) left: &'o mut usize,
    /// So many bytes may still be unpacked of this item.
    pub(crate) of_item: usize,
}

impl Opener<'_> {
    /// Hands a signal over. A long text is cut first; see [`ErrorSignal::shorten`](crate::event::ErrorSignal).
    pub(crate) fn put(&mut self, mut signal: Signal) {
        if let Signal::Error(error) = &mut signal {
            error.shorten();
        }
        (self.sink)(signal);
    }
}

/// An item unpacks to less than this.
pub(crate) const LARGEST: usize = 32 * 1024 * 1024;

/// All of a delivery unpacks to at most this, one item after the other: more would take the function's time.
pub(crate) const UNPACKED: usize = 4 * LARGEST;

impl Opener<'_> {
    /// Decodes base64 and whatever compression lies under it: gzip as AWS sends, zlib and none as some forwarders
    /// do. What it unpacks to is limited, so that a small message cannot fill the memory. What is too large fails
    /// alone: the items after it are read as far as the delivery's limit goes.
    pub(crate) fn unpack(&mut self, data: &str, at: &str) -> Result<String, Malformed> {
        use std::io::Read as _;

        let most = self.of_item.min(*self.left);
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(data.trim())
            .map_err(|_| Malformed::new(at, "not base64"))?;
        let mut text = String::new();
        let most_read = most as u64;
        let read = match bytes.as_slice() {
            [0x1f, 0x8b, ..] => {
                flate2::read::MultiGzDecoder::new(bytes.as_slice()).take(most_read).read_to_string(&mut text)
            }
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => {
                flate2::read::ZlibDecoder::new(bytes.as_slice()).take(most_read).read_to_string(&mut text)
            }
            plain => plain.take(most_read).read_to_string(&mut text),
        };
        match read {
            Ok(length) if length >= most && most < self.of_item => {
                *self.left = 0;
                Err(Malformed::new(at, "the delivery unpacks to more than 128 MiB"))
            }
            Ok(length) if length >= most => {
                *self.left -= length;
                self.of_item = 0;
                Err(Malformed::new(at, "unpacks to more than 32 MiB"))
            }
            Ok(length) => {
                *self.left -= length;
                self.of_item -= length;
                Ok(match mended(&text) {
                    Cow::Owned(mended) => mended,
                    Cow::Borrowed(_) => text,
                })
            }
            Err(error) => Err(Malformed::new(at, format!("cannot be unpacked: {}", error.kind()))),
        }
    }
}
