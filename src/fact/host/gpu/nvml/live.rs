//! Asks the running machine's NVML, by the crate `nvml-wrapper`, which loads
//! `libnvidia-ml.so.1` when it is asked and needs nothing of it before.
//!
//! Only questions: nothing here sets a mode, clears a counter or resets. A
//! thread of its own asks, because a GPU that has fallen off its bus can hold a
//! call for ever; after the deadline the thread is left behind.
//!
//! Traps (NVML API reference, "Multi Instance GPU Management"):
//! `nvmlDeviceGetMaxMigDeviceCount` is the most that there can be, so that each
//! index is tried and those with nothing are passed over; a mode that a GPU
//! does not have is `NOT_SUPPORTED`; a driver from before MIG has no such
//! function.

use std::ffi::OsStr;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use nvml_wrapper::enum_wrappers::device::{EccCounter, MemoryError};
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::FieldValueSample;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id::{NVML_FI_DEV_REMAPPED_FAILURE, NVML_FI_DEV_REMAPPED_PENDING};
use nvml_wrapper::{Device, Nvml};

use super::{Answer, Answers, MigDevice, profile_of};
use crate::fact::Source;
use crate::fact::host::root::Outcome;

/// The most GPUs of a machine, and the most MIG devices of a GPU, that are
/// asked about; drivers know 64 and 7.
const MOST: u32 = 256;

/// Asks the library at a path of this machine, for at most so long.
pub(super) fn ask(library: &str, wait: Duration) -> Outcome<Answers> {
    let (sender, receiver) = channel();
    let path = library.to_owned();
    let asking = thread::Builder::new().name("nvml".to_owned()).spawn(move || {
        // Nobody waits any more after the deadline.
        let _ = sender.send(ask_all(&path));
    });
    if let Err(error) = asking {
        return Outcome::Unreadable(format!("ask NVML: {error}"));
    }
    match receiver.recv_timeout(wait) {
        Ok(answers) => answers,
        Err(RecvTimeoutError::Timeout) => {
            Outcome::Unreadable(format!("ask NVML ({library}): no answer in {} s", wait.as_secs_f32()))
        }
        Err(RecvTimeoutError::Disconnected) => Outcome::Unreadable(format!("ask NVML ({library}): it failed")),
    }
}

fn ask_all(path: &str) -> Outcome<Answers> {
    let source = Source::file(path);
    let nvml = match Nvml::builder().lib_path(OsStr::new(path)).init() {
        Ok(nvml) => nvml,
        // It could not be loaded, and said nothing.
        Err(error @ (NvmlError::LibloadingError(_) | NvmlError::FailedToLoadSymbol(_))) => {
            return Outcome::Unreadable(format!("ask NVML: {error}"));
        }
        Err(error) => {
            let refusal = Some(in_nvmls_words(&error));
            return Outcome::Found(Answers { devices: Vec::new(), refusal, problems: Vec::new(), source });
        }
    };
    let count = match nvml.device_count() {
        Ok(count) => count.min(MOST),
        Err(error) => return Outcome::Unreadable(format!("ask NVML for the number of GPUs: {error}")),
    };
    let mut devices = Vec::new();
    let mut problems = Vec::new();
    for index in 0..count {
        match nvml.device_by_index(index) {
            Ok(device) => devices.push(answer_of(&device, &source)),
            Err(error) => problems.push(format!("GPU {index}: {}", in_nvmls_words(&error))),
        }
    }
    Outcome::Found(Answers { devices, refusal: None, problems, source })
}

fn answer_of(device: &Device<'_>, source: &Source) -> Answer {
    let mig_mode = match device.mig_mode() {
        Ok(mode) => Outcome::Found((mode.current != 0, mode.pending != 0)),
        // A driver that does not have the function has no MIG.
        Err(NvmlError::NotSupported | NvmlError::FailedToLoadSymbol(_)) => Outcome::Absent,
        Err(error) => unreadable("MIG's mode", &error),
    };
    let mig_devices = match mig_mode {
        Outcome::Found((true, _)) => mig_devices_of(device),
        Outcome::Found((false, _)) => Outcome::Found(Vec::new()),
        Outcome::Absent => Outcome::Absent,
        Outcome::Unreadable(ref reason) => Outcome::Unreadable(reason.clone()),
    };
    let uncorrected = device.total_ecc_errors(MemoryError::Uncorrected, EccCounter::Volatile);
    let (row_remap_pending, row_remap_failed) = row_remapping_of(device);
    Answer {
        source: source.clone(),
        uuid: device.uuid().ok(),
        minor: device.minor_number().ok().map(i64::from),
        bus_id: device.pci_info().ok().map(|pci| pci.bus_id),
        mig_mode,
        mig_devices,
        ecc_enabled: supported("the mode of ECC", device.is_ecc_enabled().map(|mode| mode.currently_enabled)),
        ecc_uncorrected: supported(
            "uncorrected errors",
            uncorrected.map(|count| i64::try_from(count).unwrap_or(i64::MAX)),
        ),
        row_remap_pending,
        row_remap_failed,
        pages_pending: supported("pages to be retired", device.are_pages_pending_retired()),
    }
}

fn mig_devices_of(device: &Device<'_>) -> Outcome<Vec<MigDevice>> {
    let most = match device.mig_device_count() {
        Ok(most) => most.min(MOST),
        Err(error) => return unreadable("the number of MIG devices", &error),
    };
    let mut found = Vec::new();
    for index in 0..most {
        match device.mig_device_by_index(index) {
            // The crate has no safe way to ask for the ids of its instances.
            Ok(mig) => found.push(MigDevice {
                gpu_instance: None,
                compute_instance: None,
                profile: mig.name().ok().as_deref().and_then(profile_of),
            }),
            Err(NvmlError::NotFound) => {}
            Err(NvmlError::InvalidArg) => break,
            Err(error) => return unreadable("MIG devices", &error),
        }
    }
    Outcome::Found(found)
}

/// Whether rows wait to be remapped, and whether remapping failed. Ampere and
/// later; earlier GPUs retire pages.
fn row_remapping_of(device: &Device<'_>) -> (Outcome<bool>, Outcome<bool>) {
    let fields = [FieldId(NVML_FI_DEV_REMAPPED_PENDING), FieldId(NVML_FI_DEV_REMAPPED_FAILURE)];
    let mut values = match device.field_values_for(&fields) {
        Ok(values) => values.into_iter(),
        Err(NvmlError::NotSupported) => return (Outcome::Absent, Outcome::Absent),
        Err(error) => {
            let both = unreadable("remapped rows", &error);
            return (both.clone(), both);
        }
    };
    let mut next = || match values.next() {
        // A driver from before Ampere does not know the field.
        Some(Ok(FieldValueSample { value: Err(NvmlError::InvalidArg), .. })) => Outcome::Absent,
        Some(Ok(sample)) => {
            supported("remapped rows", sample.value.map(|value| is_set(&value))).and_then(|set| match set {
                Some(set) => Outcome::Found(set),
                None => Outcome::Unreadable("ask NVML for remapped rows: the answer is no whole number".to_owned()),
            })
        }
        Some(Err(error)) => unreadable("remapped rows", &error),
        None => Outcome::Unreadable("ask NVML for remapped rows: no answer".to_owned()),
    };
    (next(), next())
}

/// Whether a field's value is not 0; none where it is not a whole number.
fn is_set(value: &SampleValue) -> Option<bool> {
    match value {
        SampleValue::U32(number) => Some(*number != 0),
        SampleValue::U64(number) => Some(*number != 0),
        SampleValue::I64(number) => Some(*number != 0),
        SampleValue::F64(_) => None,
    }
}

fn supported<T>(what: &str, answer: Result<T, NvmlError>) -> Outcome<T> {
    match answer {
        Ok(value) => Outcome::Found(value),
        Err(NvmlError::NotSupported) => Outcome::Absent,
        Err(error) => unreadable(what, &error),
    }
}

fn unreadable<T>(what: &str, error: &NvmlError) -> Outcome<T> {
    Outcome::Unreadable(format!("ask NVML for {what}: {}", in_nvmls_words(error)))
}

/// What `nvmlErrorString` says, which is what nvidia-smi prints and what is
/// searched for; the crate's own words where NVML has none.
fn in_nvmls_words(error: &NvmlError) -> String {
    match error {
        NvmlError::DriverNotLoaded => "Driver Not Loaded".to_owned(),
        NvmlError::LibRmVersionMismatch => "Driver/library version mismatch".to_owned(),
        NvmlError::NoPermission => "Insufficient Permissions".to_owned(),
        NvmlError::GpuLost => "GPU is lost".to_owned(),
        NvmlError::ResetRequired => "GPU requires reset".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
