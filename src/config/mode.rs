//! Whether the function acts or only reports.

use crate::wire_enum::wire_enum;

wire_enum! {
    /// Whether increase requests are filed.
    pub enum Mode {
        /// Files increase requests, under the guard rails.
        Request = "request",
        /// Plans and notifies, but files nothing.
        Observe = "observe",
    }
}
