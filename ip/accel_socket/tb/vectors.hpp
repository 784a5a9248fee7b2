// SPDX-License-Identifier: Apache-2.0
//
// Runs test vectors through top `accel` as a driver does: write the inputs, start, wait for the
// interrupt (or poll STATUS), read the outputs and CYCLES. Transfers are back to back.

#pragma once

#include <algorithm>

#include "accel_socket.h"
#include "ahb_lite.hpp"

namespace vectors {

using ahb::Address;

// A pipelined master: an address phase overlaps the data phase of the transfer before.
class Master {
public:
    Master(ahb::Dut& dut, ahb::Failures& failures) : dut_(dut), failures_(failures) {}

    void reset() {
        auto& pins = dut_.pins();
        dut_.drive({});
        pins.hreset_ni = 0;
        for (int i = 0; i < 4; ++i) cycle();
        pins.hreset_ni = 1;
        cycle();
    }

    // Start a transfer; a read's data goes to `*into` when its data phase ends.
    void issue(const Address& a, uint32_t* into = nullptr) {
        dut_.drive(a);
        cycle();
        pending_ = a;
        into_ = into;
    }

    // End the data phase under way with an idle address phase.
    void drain() { issue({}); }

    bool irq() { return dut_.pins().irq_o; }

private:
    // One clock cycle, and more while the slave holds HREADYOUT low (a bounded number).
    void cycle() {
        auto& pins = dut_.pins();
        pins.hwdata_i = pending_.data;
        for (int waits = 0;; ++waits) {
            dut_.settle();
            if (pins.hready_i != pins.hreadyout_o) {
                pins.hready_i = pins.hreadyout_o;
                dut_.settle();
            }
            const bool ready = pins.hreadyout_o;
            const bool error = pins.hresp_o;
            const uint32_t data = pins.hrdata_o;
            dut_.clock();
            if (ready) {
                if (pending_.for_dut() && error) failures_.add("bus error at " + ahb::hex(pending_.addr));
                if (into_) *into_ = data;
                break;
            }
            if (waits == 16) {
                failures_.add("no answer at " + ahb::hex(pending_.addr));
                break;
            }
        }
        into_ = nullptr;
    }

    ahb::Dut& dut_;
    ahb::Failures& failures_;
    Address pending_;
    uint32_t* into_ = nullptr;
};

inline void check_identity(Master& bus, const ahb::Vectors& v, ahb::Failures& failures) {
    const struct {
        uint32_t offset, value;
        const char* name;
    } wanted[] = {
        {ACCEL_SOCKET_ID_OFFSET, ACCEL_SOCKET_ID_MAGIC_VALUE, "ID"},
        {ACCEL_SOCKET_MODEL_HASH_OFFSET, ACCEL_SOCKET_MODEL_HASH_HASH_VALUE, "MODEL_HASH"},
        {ACCEL_SOCKET_SHAPE_OFFSET, v.n_out << ACCEL_SOCKET_SHAPE_N_OUT_LSB | v.n_in, "SHAPE"},
        {ACCEL_SOCKET_STATUS_OFFSET, v.n_weights ? 0 : ACCEL_SOCKET_STATUS_LOADED_MASK, "STATUS"},
        {ACCEL_SOCKET_CYCLES_OFFSET, 0, "CYCLES"},
        {ACCEL_SOCKET_WEIGHTS_OFFSET, v.n_weights, "WEIGHTS"},
    };
    for (const auto& w : wanted) {
        uint32_t got = ~w.value;
        bus.issue(ahb::read(w.offset), &got);
        bus.drain();
        if (got != w.value) failures.add(std::string(w.name) + " reads " + ahb::hex(got));
    }
}

// Load reloadable weights; nothing starts before.
inline void load(Master& bus, const ahb::Vectors& v, ahb::Failures& failures) {
    uint32_t status = 0, crc = 0, want = 0;
    bus.issue(ahb::write(ACCEL_SOCKET_CTRL_OFFSET, ACCEL_SOCKET_CTRL_START_MASK));
    bus.issue(ahb::read(ACCEL_SOCKET_STATUS_OFFSET), &status);
    bus.drain();
    if (status != ACCEL_SOCKET_STATUS_START_ERROR_MASK) failures.add("STATUS of a start without weights is " + ahb::hex(status));
    bus.issue(ahb::write(ACCEL_SOCKET_STATUS_OFFSET, ACCEL_SOCKET_STATUS_START_ERROR_MASK));
    bus.issue(ahb::write(ACCEL_SOCKET_CTRL_OFFSET, ACCEL_SOCKET_CTRL_LOAD_MASK));
    for (uint32_t k = 0; k < v.n_weights; ++k) {
        bus.issue(ahb::write(ACCEL_SOCKET_WEIGHT_PORT_OFFSET + 4 * (k % ACCEL_SOCKET_WEIGHT_PORT_ENTRIES), v.weights[k]));
        want = ahb::crc32(want, v.weights[k]);
    }
    bus.issue(ahb::read(ACCEL_SOCKET_STATUS_OFFSET), &status);
    bus.issue(ahb::read(ACCEL_SOCKET_WEIGHTS_CRC_OFFSET), &crc);
    bus.drain();
    if (status != ACCEL_SOCKET_STATUS_LOADED_MASK) failures.add("STATUS with weights is " + ahb::hex(status));
    if (crc != want) failures.add("WEIGHTS_CRC is " + ahb::hex(crc) + " instead of " + ahb::hex(want));
}

// Wait for the end of an inference; false when it takes more than `limit` clock cycles.
inline bool wait_done(Master& bus, bool poll, uint64_t limit) {
    for (uint64_t i = 0; i < limit; ++i) {
        if (poll) {
            uint32_t status = 0;
            bus.issue(ahb::read(ACCEL_SOCKET_STATUS_OFFSET), &status);
            bus.drain();
            if (status & ACCEL_SOCKET_STATUS_DONE_MASK) return true;
        } else {
            bus.drain();
            if (bus.irq()) return true;
        }
    }
    return false;
}

// Run `count` inferences on a design out of power-up and print what came out as JSON. An inference that
// takes more than `limit` cycles is a failure.
inline void run(ahb::Dut& dut, const ahb::Vectors& v, uint32_t count, uint64_t limit, bool poll) {
    ahb::Failures failures;
    Master bus(dut, failures);
    bus.reset();
    check_identity(bus, v, failures);
    if (v.n_weights) load(bus, v, failures);

    const uint32_t go = ACCEL_SOCKET_CTRL_START_MASK | (poll ? 0 : ACCEL_SOCKET_CTRL_IRQ_ENABLE_MASK);
    uint32_t exact = 0, done = 0, cycles = 0, least = ~0u, most = 0;
    long bad_vector = -1, bad_output = -1;
    uint32_t bad_got = 0;
    std::vector<uint32_t> y(v.n_out);
    const auto start = std::chrono::steady_clock::now();
    const uint64_t first_cycle = dut.cycle();
    for (; done < count && !failures.full(); ++done) {
        const uint32_t* x = &v.x[size_t(done % v.count) * v.n_in];
        const uint32_t* want = &v.y[size_t(done % v.count) * v.n_out];
        for (uint32_t i = 0; i < v.n_in; ++i)
            bus.issue(ahb::write(ACCEL_SOCKET_INPUT_BUFFER_OFFSET + 4 * i, x[i]));
        bus.issue(ahb::write(ACCEL_SOCKET_CTRL_OFFSET, go));
        if (!wait_done(bus, poll, limit)) {
            failures.add("no end of an inference after " + std::to_string(limit) + " cycles");
            break;
        }
        for (uint32_t j = 0; j < v.n_out; ++j)
            bus.issue(ahb::read(ACCEL_SOCKET_OUTPUT_BUFFER_OFFSET + 4 * j), &y[j]);
        bus.issue(ahb::read(ACCEL_SOCKET_CYCLES_OFFSET), &cycles);
        bus.drain();
        least = std::min(least, cycles);
        most = std::max(most, cycles);
        bool same = true;
        for (uint32_t j = 0; j < v.n_out; ++j) {
            if (y[j] == want[j]) continue;
            same = false;
            if (bad_vector < 0) bad_vector = done, bad_output = j, bad_got = y[j];
        }
        exact += same;
    }
    const double seconds = ahb::seconds_since(start);

    printf("{\"n\": %u, \"exact\": %u, \"cycles_min\": %u, \"cycles_max\": %u, ", done, exact, least, most);
    printf("\"mismatch\": [%ld, %ld, %u], ", bad_vector, bad_output, bad_got);
    printf("\"clock_cycles\": %llu, \"seconds\": %.6f, ",
           static_cast<unsigned long long>(dut.cycle() - first_cycle), seconds);
    failures.print_json();
    printf("}\n");
}

}  // namespace vectors
