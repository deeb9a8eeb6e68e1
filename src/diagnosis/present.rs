//! The set of the table's phrases that a message contains.

/// The numbers of the phrases in a message, as a list and as bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present {
    pub(crate) list: Vec<u16>,
    bits: [u64; MOST / 64],
}

/// The most phrases the set can hold. A test checks that the table fits.
pub(crate) const MOST: usize = 1024;

impl Present {
    /// An empty set, with room for the number of phrases that an error text usually contains.
    pub(crate) fn with_room() -> Self {
        Self { list: Vec::with_capacity(16), bits: [0; MOST / 64] }
    }

    pub(crate) fn insert(&mut self, number: usize) {
        let Ok(number) = u16::try_from(number) else { return };
        if let Some(word) = self.bits.get_mut(usize::from(number / 64))
            && *word & (1 << (number % 64)) == 0
        {
            *word |= 1 << (number % 64);
            self.list.push(number);
        }
    }

    pub(crate) fn has(&self, number: u16) -> bool {
        self.bits.get(usize::from(number / 64)).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }
}
