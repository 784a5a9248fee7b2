// SPDX-License-Identifier: Apache-2.0
//
// What surrounds the debug port in simulation: a serial host, an AHB-Lite slave with wait states, errors
// and addresses that do not answer in time, a processor's stdin and stdout. Checks the bus protocol.

#pragma once

#include <deque>
#include <memory>
#include <random>

#include "Vadp.h"
#include "model.hpp"
#include "verilated.h"

namespace adp {

class Board {
public:
    std::vector<uint8_t> ram = std::vector<uint8_t>(kRamBytes);
    std::string out;           // Text received from the port
    std::string to_processor;  // Bytes received on stdin
    bool stdin_full = false;
    std::deque<uint8_t> from_processor;
    uint64_t writes = 0;       // Writes to the memory
    uint32_t lowest_write = ~0u;
    std::string violation;     // First breach of the bus or serial protocol
    double bit_time = 8;       // Clock cycles per bit of the host
    bool bounded = false;      // The bus gives up what does not answer, with ERROR

    Board(int argc, char** argv, unsigned seed) : context_(new VerilatedContext), random_(seed) {
        context_->commandArgs(argc, argv);
        context_->randReset(2);
        context_->randSeed(int(seed));
        top_.reset(new Vadp{context_.get()});
        top_->clk_i = 0;
        top_->rx_i = 1;
        top_->hready_i = 1;
        top_->rst_ni = 1;
        top_->eval();
        top_->rst_ni = 0;
        top_->eval();
        cycles(3);
        top_->rst_ni = 1;
        cycles(3);
    }
    ~Board() { top_->final(); }

    Vadp& pins() { return *top_; }
    uint64_t cycle() const { return cycle_; }
    uint32_t draw(uint32_t below) { return uint32_t(random_() % below); }

    void send(uint8_t c) {
        level(0, 1);
        for (int i = 0; i < 8; ++i) level(c >> i & 1, 1);
        level(1, 1);
    }
    void level(bool value, double bits) {
        top_->rx_i = value;
        for (due_ += bits * bit_time; due_ >= 1; due_ -= 1) clock();
    }
    void cycles(uint64_t n) {
        while (n--) clock();
    }
    bool line_idle() const { return !rx_busy_; }

private:
    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Vadp> top_;
    std::mt19937 random_;
    uint64_t cycle_ = 0;
    double due_ = 0;

    // Slave
    bool data_phase_ = false, write_ = false, second_ = false, waiting_ = false;
    uint32_t addr_ = 0, held_addr_ = 0, held_data_ = 0;
    unsigned size_ = 0, wait_ = 0;
    unsigned stall_ = 0;  // Another master's access
    bool address_held_ = false, data_held_ = false;

    // Receiver
    bool rx_busy_ = false;
    double rx_at_ = 0;
    int rx_bit_ = 0;
    uint8_t rx_byte_ = 0;

    void breach(const char* what) {
        if (violation.empty()) violation = what;
    }
    bool in_ram() const { return addr_ - kRamBase < kRamBytes; }
    bool hangs() const { return addr_ >> 28 == kHang; }

    void clock() {
        const bool refuse = data_phase_ && !in_ram() && (bounded || !hangs());
        if (!data_phase_ && stall_ == 0 && random_() % 8 == 0) stall_ = random_() % 5;
        const bool ready = data_phase_ ? wait_ == 0 && (!refuse || second_) : stall_ == 0;
        if (!data_phase_ && stall_) --stall_;
        top_->hready_i = ready;
        top_->hresp_i = refuse && wait_ == 0;
        top_->hrdata_i = data_phase_ && in_ram() && ready ? word() : uint32_t(random_());
        top_->stdin_ready_i = !stdin_full && random_() % 4 == 0;
        top_->stdout_valid_i = !from_processor.empty();
        top_->stdout_data_i = from_processor.empty() ? uint8_t(random_()) : from_processor.front();
        top_->clk_i = 0;
        top_->eval();

        if (top_->stdin_valid_o && top_->stdin_ready_i) to_processor += char(top_->stdin_data_o);
        if (top_->stdout_valid_i && top_->stdout_ready_o) from_processor.pop_front();
        receive(top_->tx_o);
        slave(ready, refuse);

        top_->clk_i = 1;
        top_->eval();
        ++cycle_;
    }

    uint32_t word() const {
        const uint8_t* cell = &ram[(addr_ - kRamBase) & ~3u];
        return uint32_t(cell[0]) | uint32_t(cell[1]) << 8 | uint32_t(cell[2]) << 16 | uint32_t(cell[3]) << 24;
    }

    void slave(bool ready, bool refuse) {
        if (address_held_ && (top_->haddr_o != held_addr_ || top_->htrans_o != 2)) breach("address not held");
        if (data_held_ && write_ && top_->hwdata_o != held_data_) breach("write data not held");
        if (data_phase_ && ready && write_ && in_ram()) {
            for (uint32_t a = addr_; a < addr_ + size_; ++a) {
                ram[a - kRamBase] = uint8_t(top_->hwdata_o >> 8 * (a & 3));
            }
            ++writes;
            lowest_write = std::min(lowest_write, addr_);
        }
        held_addr_ = top_->haddr_o;
        held_data_ = top_->hwdata_o;
        address_held_ = top_->htrans_o == 2 && !ready;
        data_held_ = data_phase_ && !ready;
        if (!ready) {
            second_ = refuse && wait_ == 0;
            if (wait_) --wait_;
            return;
        }
        second_ = false;
        data_phase_ = top_->htrans_o == 2;
        if (top_->htrans_o & 1) breach("burst");
        if (!data_phase_) return;
        addr_ = top_->haddr_o;
        write_ = top_->hwrite_o;
        size_ = 1u << top_->hsize_o;
        wait_ = hangs() ? (bounded ? 128 : 700) : random_() % 3 ? 0 : random_() % 7;
        if (addr_ % size_ || size_ > 4) breach("unaligned");
        stall_ = 0;
    }

    void receive(bool level) {
        if (!rx_busy_) {
            if (level) return;
            rx_busy_ = true;
            rx_at_ = bit_time / 2;
            rx_bit_ = 0;
            return;
        }
        rx_at_ -= 1;
        if (rx_at_ > 0) return;
        rx_at_ += bit_time;
        if (rx_bit_ == 0 && level) breach("start bit");
        if (rx_bit_ >= 1 && rx_bit_ <= 8) rx_byte_ = uint8_t(rx_byte_ >> 1 | level << 7);
        if (rx_bit_++ == 9) {
            if (!level) breach("stop bit");
            out += char(rx_byte_);
            rx_busy_ = false;
        }
    }
};

}  // namespace adp
