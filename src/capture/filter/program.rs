//! Classic BPF, the machine that filters are compiled to.
//!
//! In: the instructions of libpcap's compiler as it prints them. Out: whether
//! a packet passes. Truth: "The BSD Packet Filter", a paper of
//! 1993, and bpf(4) of FreeBSD. A load beyond the packet rejects it.

/// The most steps that a packet is worth: programs for `protochain` jump back.
const MAX_STEPS: usize = 100_000;

/// Cells of scratch memory, `BPF_MEMWORDS`.
const MEMORY: usize = 16;

/// One instruction as it is encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction {
    code: u16,
    if_true: u8,
    if_false: u8,
    k: u32,
}

impl Instruction {
    /// Reads `CODE JT JF K`, all in decimal.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_ascii_whitespace();
        let instruction = Instruction {
            code: numbers.next()?.parse().ok()?,
            if_true: numbers.next()?.parse().ok()?,
            if_false: numbers.next()?.parse().ok()?,
            k: numbers.next()?.parse().ok()?,
        };
        numbers.next().is_none().then_some(instruction)
    }
}

/// The state of the machine.
#[derive(Default)]
struct Machine {
    accumulator: u32,
    index: u32,
    memory: [u32; MEMORY],
}

/// How a step ends that does not go on with the next instruction.
enum End {
    /// The packet passes, or not.
    Verdict(bool),
}

/// Whether a packet passes a program. One without an end passes nothing.
pub(super) fn passes(program: &[Instruction], bytes: &[u8], length: u32) -> bool {
    let mut machine = Machine::default();
    let mut at = 0_usize;
    for _ in 0..MAX_STEPS {
        let Some(instruction) = program.get(at) else { return false };
        at += 1;
        match machine.step(*instruction, bytes, length) {
            Ok(jump) => at = at.wrapping_add(jump),
            Err(End::Verdict(passes)) => return passes,
        }
    }
    false
}

const REJECT: End = End::Verdict(false);

impl Machine {
    /// Runs an instruction, and gives how far to jump behind it.
    fn step(&mut self, instruction: Instruction, bytes: &[u8], length: u32) -> Result<usize, End> {
        let Instruction { code, if_true, if_false, k } = instruction;
        match code & 0x07 {
            // BPF_LD
            0 => self.accumulator = self.load(code, k, bytes, length)?,
            // BPF_LDX
            1 => {
                self.index = match code & 0xe0 {
                    0x00 => k,
                    0x60 => self.cell(k)?,
                    0x80 => length,
                    // Four times the low half of a byte: the length of an IPv4 header.
                    0xa0 => u32::from(bytes.get(position(k)?).ok_or(REJECT)? & 0x0f) << 2,
                    _ => return Err(REJECT),
                }
            }
            // BPF_ST and BPF_STX
            2 => *self.memory.get_mut(position(k)?).ok_or(REJECT)? = self.accumulator,
            3 => *self.memory.get_mut(position(k)?).ok_or(REJECT)? = self.index,
            // BPF_ALU
            4 => self.accumulator = self.calculate(code, k)?,
            // BPF_JMP
            5 => {
                let operand = self.operand(code, k);
                let holds = match code & 0xf0 {
                    // A jump back is a negative one.
                    0x00 => return Ok(jump(k)),
                    0x10 => self.accumulator == operand,
                    0x20 => self.accumulator > operand,
                    0x30 => self.accumulator >= operand,
                    0x40 => self.accumulator & operand != 0,
                    _ => return Err(REJECT),
                };
                return Ok(usize::from(if holds { if_true } else { if_false }));
            }
            // BPF_RET: how much of the packet is wanted; nothing is none of it.
            6 => return Err(End::Verdict(if code & 0x18 == 0x10 { self.accumulator } else { k } != 0)),
            // BPF_MISC
            _ if code & 0xf8 == 0 => self.index = self.accumulator,
            _ => self.accumulator = self.index,
        }
        Ok(0)
    }

    fn load(&self, code: u16, k: u32, bytes: &[u8], length: u32) -> Result<u32, End> {
        let start = match code & 0xe0 {
            0x00 => return Ok(k),
            0x20 => k,
            0x40 => self.index.checked_add(k).ok_or(REJECT)?,
            0x60 => return self.cell(k),
            0x80 => return Ok(length),
            _ => return Err(REJECT),
        };
        let size = match code & 0x18 {
            0x00 => 4,
            0x08 => 2,
            0x10 => 1,
            _ => return Err(REJECT),
        };
        let start = position(start)?;
        let loaded = bytes.get(start..start.checked_add(size).ok_or(REJECT)?).ok_or(REJECT)?;
        Ok(loaded.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn calculate(&self, code: u16, k: u32) -> Result<u32, End> {
        let (a, b) = (self.accumulator, self.operand(code, k));
        Ok(match code & 0xf0 {
            0x00 => a.wrapping_add(b),
            0x10 => a.wrapping_sub(b),
            0x20 => a.wrapping_mul(b),
            0x30 => a.checked_div(b).ok_or(REJECT)?,
            0x40 => a | b,
            0x50 => a & b,
            0x60 => a.checked_shl(b).unwrap_or(0),
            0x70 => a.checked_shr(b).unwrap_or(0),
            0x80 => a.wrapping_neg(),
            0x90 => a.checked_rem(b).ok_or(REJECT)?,
            0xa0 => a ^ b,
            _ => return Err(REJECT),
        })
    }

    fn operand(&self, code: u16, k: u32) -> u32 {
        if code & 0x08 == 0 { k } else { self.index }
    }

    fn cell(&self, k: u32) -> Result<u32, End> {
        self.memory.get(position(k)?).copied().ok_or(REJECT)
    }
}

fn position(number: u32) -> Result<usize, End> {
    usize::try_from(number).map_err(|_| REJECT)
}

/// A jump of a signed number of instructions, to be added with wrapping.
fn jump(k: u32) -> usize {
    isize::try_from(k.cast_signed()).map_or(usize::MAX, isize::cast_unsigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(lines: &[&str]) -> Vec<Instruction> {
        lines.iter().map(|line| Instruction::parse(line).unwrap()).collect()
    }

    #[test]
    fn a_program_reads_the_packet_and_its_length() {
        // tcpdump -ddd -y EN10MB 'ip and greater 60'
        let program = program(&["40 0 0 12", "21 0 3 2048", "128 0 0 0", "53 0 1 60", "6 0 0 262144", "6 0 0 0"]);
        let mut bytes = vec![0; 34];
        bytes[12] = 8;
        assert!(passes(&program, &bytes, 60));
        assert!(!passes(&program, &bytes, 59), "the length on the wire counts");
        bytes[13] = 6;
        assert!(!passes(&program, &bytes, 60));
    }

    #[test]
    fn what_reaches_beyond_the_packet_or_the_program_passes_nothing() {
        assert!(!passes(&program(&["40 0 0 4294967295", "6 0 0 1"]), &[0; 60], 60));
        assert!(!passes(&program(&["80 0 0 60", "6 0 0 1"]), &[0; 60], 60));
        assert!(!passes(&program(&["5 0 0 9", "6 0 0 1"]), &[], 0));
        assert!(!passes(&program(&["52 0 0 0", "6 0 0 1"]), &[], 0), "a division by zero");
        assert!(!passes(&program(&["5 0 0 4294967295"]), &[], 0), "a circle ends");
        assert!(!passes(&program(&["96 0 0 16", "6 0 0 1"]), &[], 0));
    }

    #[test]
    fn what_is_no_instruction_is_refused() {
        assert!(Instruction::parse("40 0 0").is_none());
        assert!(Instruction::parse("40 0 0 12 1").is_none());
        assert!(Instruction::parse("40 0 256 12").is_none());
    }
}
