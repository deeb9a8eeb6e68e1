//! Opens one item within size limits.

use std::borrow::Cow;

use base64::Engine as _;

use crate::event::envelope::Malformed;
use crate::event::signal::Signal;
use crate::event::value::mended;
use crate::identity::FunctionIdentity;

/// Reads one item: whose function reads it, where its signals go, and how much may be unpacked.
pub(crate) struct Opener<'o> {
    pub(crate) home: &'o FunctionIdentity,
    pub(crate) sink: &'o mut dyn FnMut(Signal),
    /// How many bytes of the delivery may still be unpacked.
    pub(crate) left: &'o mut usize,
    /// How many bytes of this item may still be unpacked.
    pub(crate) of_item: usize,
    /// Whether a layer around it is a message that somebody published or wrote, who can write any envelope inside.
    pub(crate) is_published: bool,
}

impl Opener<'_> {
    /// Passes on a signal that did not come in EventBridge's envelope.
    pub(crate) fn put(&mut self, signal: Signal) {
        self.put_from(None, signal);
    }

    /// Passes on a signal that EventBridge delivered from the account `envelope`. A long text is cut first; see
    /// [`ErrorSignal::shorten`](crate::event::ErrorSignal).
    pub(crate) fn put_from(&mut self, envelope: Option<&str>, signal: Signal) {
        let vouching = envelope.filter(|_| !self.is_published);
        let mut signal = signal.vouched(vouching, self.home);
        if let Signal::Error(error) = &mut signal {
            error.shorten();
        }
        (self.sink)(signal);
    }
}

/// The limit for one item, in bytes. An item unpacks to less.
pub(crate) const LARGEST: usize = 32 * 1024 * 1024;

/// The limit for all items of a delivery, in bytes. Unpacking more would take too much of the function's time.
pub(crate) const UNPACKED: usize = 4 * LARGEST;

impl Opener<'_> {
    /// Decodes base64, then any compression: gzip as AWS sends it, zlib or none as some forwarders do. The size is
    /// limited, so that a small message cannot fill the memory. An item that is too large fails alone; later items are
    /// still read, up to the delivery's limit.
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
