//! Where the fields of the library's structures are, for the script of gdb.

use super::bundle::Bundle;
use crate::handle_table::HandleTable;
use crate::os::debug_layout::Field;
use crate::os::symbols::data_symbol;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;

/// Tables of names and numbers, the last of which is empty.
#[allow(unsafe_code)] // for the name
#[unsafe(export_name = data_symbol!("dill_debug_layout"))]
#[used]
static LAYOUT: [&[Field]; 5] =
    [Context::LAYOUT, Coroutine::LAYOUT, Bundle::LAYOUT, HandleTable::LAYOUT, &[]];
