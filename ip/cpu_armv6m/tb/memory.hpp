// SPDX-License-Identifier: Apache-2.0
//
// AHB-Lite slave of the testbench: code at 0, data at 0x2000_0000, the testbench's registers at
// 0x4000_0000, a two-cycle ERROR everywhere else; random wait states; checks of the master.

#pragma once

#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "Vcpu_armv6m_trace.h"

struct Write {
    uint32_t index, addr, size, data;  // index: trace records before it
};

// Address phase.
struct Phase {
    bool active = false, write = false, fetch = false;
    uint32_t addr = 0, size = 0;
    bool operator==(const Phase&) const = default;
};

class Memory {
public:
    static constexpr uint32_t kCode = 0, kData = 0x20000000, kBench = 0x40000000, kBytes = 1 << 16;

    std::vector<uint32_t> code = std::vector<uint32_t>(kBytes / 4), data = code;
    std::vector<Write> writes;
    std::vector<uint32_t> output;         // Words written to the bench's register 0x20
    uint32_t irq = 0, nmi = 0, rxev = 0;  // Lines that a program drives
    uint32_t delay = 0, delayed_irq = 0;  // After that many cycles: raise these lines
    uint32_t delayed_nmi = 0;
    bool finished = false;
    uint32_t code_value = 0;
    std::string violation;
    uint64_t transfers = 0, errors = 0, waits = 0;

    Memory(uint32_t max_wait, uint32_t seed) : max_wait_(max_wait), random_(seed) {}

    // Drive the response of this cycle; before the outputs of the master are looked at.
    void respond(Vcpu_armv6m_trace& pins) {
        pins.hready_i = 1;
        pins.hresp_i = 0;
        pins.hrdata_i = uint32_t(random_());
        if (!now_.active) return;
        if (wait_ > 0) {
            pins.hready_i = 0;
        } else if (!mapped(now_.addr)) {
            pins.hresp_i = 1;
            pins.hready_i = second_;
        } else if (!now_.write) {
            pins.hrdata_i = load(now_.addr);
        }
    }

    // End the cycle: check what the master drives, take over its address phase.
    void end(Vcpu_armv6m_trace& pins, uint32_t index) {
        Phase next{(pins.htrans_o & 2) != 0, pins.hwrite_o != 0, !(pins.hprot_o & 1), pins.haddr_o, pins.hsize_o};
        if (!next.active) next = {};
        check(pins, next);
        if (now_.active && !pins.hready_i) {
            ++waits;
            if (wait_ > 0) {
                --wait_;
            } else {
                second_ = true;  // First cycle of an ERROR response
            }
        } else {
            if (now_.active) {
                ++transfers;
                errors += !mapped(now_.addr);
                if (now_.write && mapped(now_.addr)) store(pins.hwdata_o, index);
            }
            now_ = next;
            second_ = false;
            wait_ = max_wait_ ? uint32_t(random_() % (max_wait_ + 1)) : 0;
        }
        held_ = !pins.hready_i;
        last_ = next;
        last_data_ = pins.hwdata_o;
        tick();
    }

private:
    static bool mapped(uint32_t a) {
        return a - kCode < kBytes || a - kData < kBytes || a - kBench < 0x40;
    }

    uint32_t load(uint32_t a) const {
        if (a - kData < kBytes) return data[(a - kData) / 4];
        if (a - kCode < kBytes) return code[a / 4];
        return a == kBench ? irq : 0;
    }

    void store(uint32_t value, uint32_t index) {
        const uint32_t a = now_.addr;
        const uint32_t mask = now_.size == 2 ? ~0u : (now_.size == 1 ? 0xFFFFu : 0xFFu) << 8 * (a & 3);
        writes.push_back({index, a, now_.size, (value & mask) >> 8 * (a & 3)});
        if (a - kBench < 0x40) return bench(a - kBench, value);
        auto& word = a - kData < kBytes ? data[(a - kData) / 4] : code[a / 4];
        word = (word & ~mask) | (value & mask);
    }

    void bench(uint32_t offset, uint32_t value) {
        switch (offset) {
            case 0x00: irq = value; break;
            case 0x04: nmi = value; break;
            case 0x08: rxev = value; break;
            case 0x0C: finished = true; code_value = value; break;
            case 0x10: delayed_irq = value; break;
            case 0x14: delay = value; break;
            case 0x18: irq &= ~value; break;
            case 0x1C: delayed_nmi = value; break;
            case 0x20: output.push_back(value); break;
            default: break;
        }
    }

    void tick() {
        if (delay && --delay == 0) {
            irq |= delayed_irq;
            nmi |= delayed_nmi;
        }
    }

    void check(const Vcpu_armv6m_trace& pins, const Phase& next) {
        if (pins.htrans_o & 1) fail("HTRANS is BUSY or SEQ");
        if (next.active && next.addr % (1u << next.size)) fail("address not aligned to its size");
        if (next.active && next.fetch && (next.write || next.size != 2)) fail("a fetch that is not a word read");
        if (next.active && next.fetch && (0xFC34u >> (next.addr >> 28) & 1) && (next.addr >> 28) != 2)
            fail("fetch from a region that is not executable");
        if (next.active && (next.addr >> 20) == 0xE00) fail("private peripheral bus seen outside");
        if (held_ && last_.active && !(next == last_) && !(second_ && !next.active))
            fail("address phase changed while HREADY was low");
        if (held_ && !last_.active && next.active) fail("transfer started while HREADY was low");
        if (held_ && now_.active && now_.write && pins.hwdata_o != last_data_)
            fail("write data changed while HREADY was low");
        if (second_ && pins.hready_i && next.active) fail("transfer started in the second ERROR cycle");
    }

    void fail(const char* what) {
        if (violation.empty()) violation = what;
    }

    uint32_t max_wait_, wait_ = 0, last_data_ = 0;
    bool second_ = false, held_ = false;
    Phase now_, last_;
    std::minstd_rand random_;
};
