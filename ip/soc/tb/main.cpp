// SPDX-License-Identifier: Apache-2.0
//
// The SoC on a small board: clock, reset, a serial host on the debug port, a SPI flash. It reads commands from
// stdin, one a line, and answers each with one line of JSON on stdout. Simulated time passes only in `reset`
// and `run`, so a run can be repeated exactly. With +activity=FOLDER the file `pins` there gets a line per cycle: the
// pins at its end.
//
//   reset N          hold the reset pin for N cycles; the line is idle
//   boot MODE        boot configuration pins
//   gpio VALUE       input pins
//   bit EIGHTHS      bit time of the host in eighths of a clock cycle
//   flash FILE       contents of the flash; without FILE it is erased
//   fault NAME       from now on: dead-flash, stuck-cpu, slow; none ends them all.
//   trace FILE       write waveforms from now on; without FILE end them. In a simulator with waveforms
//   send HEX         bytes for the line, after those that wait
//   run N COUNT      at most N cycles, until the host has COUNT bytes more
//   status           cycles, seconds of processor time that they took, pins
//   wishbone N A S D a Wishbone access of the frame's processor, at most N cycles; without D a read. This one and the
//                    next two are for a system in a frame that has a processor
//   hold ON          the frame's processor holds the system's in reset, or not
//   frame            what the frame's processor sees: logic analyser, interrupts
//   quit

#include <cstdio>
#include <ctime>
#include <deque>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "Vsoc.h"
#ifndef FLAT  // A netlist has no blocks whose signals could be forced
#include "Vsoc___024root.h"
#include "Vsoc_soc_reset.h"
#endif
#include "verilated.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
using Waveforms = VerilatedFstC;
#elif VM_TRACE
#include "verilated_vcd_c.h"
using Waveforms = VerilatedVcdC;
#endif

namespace {

// Reads: 03h and three address bytes. Identification: 9Fh. Mode 0.
class Flash {
public:
    std::vector<uint8_t> contents;
    bool dead = false;  // Drives nothing; a resistor pulls the line up

    // The flash drives its output after the clock has fallen.
    bool clock(bool select_n, bool sck, bool mosi) {
        if (dead) return true;
        if (select_n) {
            bits_ = 0;
            out_ = 0xFF;
        } else if (sck && !sck_) {
            in_ = uint8_t(in_ << 1 | mosi);
            if (++bits_ % 8 == 0) byte();
        } else if (!sck && sck_) {
            miso_ = out_ >> 7 & 1;
            out_ = uint8_t(out_ << 1 | 1);
        }
        sck_ = sck;
        return miso_;
    }

private:
    void byte() {
        const unsigned index = bits_ / 8;
        if (index == 1) command_ = in_;
        if (command_ == 0x03 && index >= 2 && index <= 4) address_ = (address_ << 8 | in_) & 0xFFFFFF;
        if (command_ == 0x03 && index >= 4) {
            out_ = address_ < contents.size() ? contents[address_] : 0xFF;
            address_ = (address_ + 1) & 0xFFFFFF;
        }
        if (command_ == 0x9F && index >= 1 && index <= 3) out_ = kId[index - 1];
    }

    static constexpr uint8_t kId[3] = {0xEF, 0x40, 0x16};
    bool sck_ = false, miso_ = true;
    uint8_t in_ = 0, out_ = 0xFF, command_ = 0;
    unsigned bits_ = 0;
    uint32_t address_ = 0;
};

class Board {
public:
    Board(int argc, char** argv) : context_(new VerilatedContext) {
        context_->commandArgs(argc, argv);
        context_->randReset(2);
        context_->randSeed(1);
        top_.reset(new Vsoc{context_.get()});
        top_->clk_i = 0;
        top_->rst_ni = 1;
        top_->debug_rx_i = 1;
        top_->uart_rx_i = 1;
        top_->gpio_i = 0;
        top_->spi_miso_i = 1;
        top_->boot_cfg_i = 0;
#ifdef HOST
        top_->wbs_cyc_i = top_->wbs_stb_i = 0;
        for (int k = 0; k < 4; ++k) top_->la_oenb[k] = ~0u;  // the processor drives nothing
#endif
        top_->eval();
        const std::string folder = context_->commandArgsPlusMatch("activity=");
        if (!folder.empty()) pins_.open(folder.substr(folder.find('=') + 1) + "/pins");
        if (pins_.is_open()) {
            pins_ << "rst_ni debug_rx_i uart_rx_i gpio_i spi_miso_i boot_cfg_i"
                     " debug_tx_o uart_tx_o gpio_o gpio_oe_o spi_cs_no spi_sck_o spi_mosi_o\n";
        }
    }
    ~Board() {
        trace("");
        top_->final();
    }

    Flash flash;
    std::deque<uint8_t> outgoing;
    std::string incoming;
    double bit_time = 8;

    Vsoc& pins() { return *top_; }

    // Faults of the chip, by the signals that ip/soc/tb/faults.vlt opens.
    bool fault(const std::string& name) {
        if (name == "dead-flash") {
            flash.dead = true;
            return true;
        }
        if (name == "none") flash.dead = false;
        return fault_inside(name);
    }

    bool trace(const std::string& name) {
#if VM_TRACE
        if (waves_) waves_->close();
        waves_.reset();
        if (name.empty()) return true;
        context_->traceEverOn(true);
        waves_.reset(new Waveforms);
        top_->trace(waves_.get(), 99);
        waves_->open(name.c_str());
        return waves_->isOpen();
#else
        return name.empty();
#endif
    }
    uint64_t cycles() const { return cycles_; }
    double seconds() const { return seconds_; }

    void reset(uint64_t n) {
        top_->rst_ni = 0;
        outgoing.clear();
        tx_left_ = 0;
        rx_busy_ = false;
        top_->debug_rx_i = 1;
        top_->eval();
        run(n, ~size_t(0));
        incoming.clear();
        top_->rst_ni = 1;
    }

    void run(uint64_t n, size_t count) {
        const std::clock_t start = std::clock();
        while (n-- && incoming.size() < count) {
            transmit();
            if (slow_) late_answer();
            if (pins_.is_open()) record();
            top_->clk_i = 1;
            top_->eval();
            dump();
            top_->spi_miso_i = flash.clock(top_->spi_cs_no, top_->spi_sck_o, top_->spi_mosi_o);
            receive(top_->debug_tx_o);
            top_->clk_i = 0;
            top_->eval();
            dump();
            ++cycles_;
        }
        seconds_ += double(std::clock() - start) / CLOCKS_PER_SEC;
    }

#ifdef HOST
    struct Answer { bool ack; uint32_t data; };

    // A classic cycle: everything stays until the acknowledgement.
    Answer wishbone(uint64_t n, uint32_t address, unsigned lanes, bool write, uint32_t data) {
        top_->wbs_cyc_i = top_->wbs_stb_i = 1;
        top_->wbs_we_i = write;
        top_->wbs_sel_i = uint8_t(lanes);
        top_->wbs_adr_i = address;
        top_->wbs_dat_i = data;
        Answer answer{false, 0};
        while (n-- && !answer.ack) {
            top_->eval();
            answer = {bool(top_->wbs_ack_o), top_->wbs_dat_o};
            run(1, ~size_t(0));
        }
        top_->wbs_cyc_i = top_->wbs_stb_i = 0;
        top_->wbs_adr_i = top_->wbs_dat_i = ~0u;
        return answer;
    }
    void hold(bool on) {
        top_->la_oenb[0] = on ? ~1u : ~0u;
        top_->la_data_in[0] = on;
    }
#endif

private:
#ifdef FLAT
    bool fault_inside(const std::string& name) { return name == "none"; }
    void late_answer() {}
#else
    Vsoc_soc_reset& reset_block() { return *top_->rootp->RESET_BLOCK; }

    bool fault_inside(const std::string& name) {
        if (name == "stuck-cpu") {  // the processor never reaches the bus
            reset_block().cpu_htrans_i__VforceVal = 0;
            reset_block().cpu_htrans_i__VforceEn = 3;
        } else if (name == "slow") {
            slow_ = true;
        } else if (name == "none") {
            slow_ = false;
            reset_block().cpu_htrans_i__VforceEn = 0;
            reset_block().debug_hresp_i__VforceEn = 0;
        } else {
            return false;
        }
        return true;
    }

    // Every other time the bus's answer comes too late: the debug port sees an error.
    void late_answer() {
        noise_ = noise_ >> 1 ^ (noise_ & 1 ? 0x80200003u : 0);
        reset_block().debug_hresp_i__VforceVal = 1;
        reset_block().debug_hresp_i__VforceEn = noise_ & 1;
    }
#endif

    void record() {
        for (const unsigned pin :
             {unsigned(top_->rst_ni), unsigned(top_->debug_rx_i), unsigned(top_->uart_rx_i), unsigned(top_->gpio_i),
              unsigned(top_->spi_miso_i), unsigned(top_->boot_cfg_i), unsigned(top_->debug_tx_o),
              unsigned(top_->uart_tx_o), unsigned(top_->gpio_o), unsigned(top_->gpio_oe_o), unsigned(top_->spi_cs_no),
              unsigned(top_->spi_sck_o), unsigned(top_->spi_mosi_o)}) {
            pins_ << pin << ' ';
        }
        pins_ << '\n';
    }

    std::ofstream pins_;
    bool slow_ = false;
    uint32_t noise_ = 1;
#if VM_TRACE
    std::unique_ptr<Waveforms> waves_;
    void dump() {
        context_->timeInc(1);  // half a clock cycle
        if (waves_) waves_->dump(context_->time());
    }
#else
    void dump() {}
#endif

    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Vsoc> top_;
    uint64_t cycles_ = 0;
    double seconds_ = 0;

    int tx_left_ = 0;      // Bits left of the character on the line, the stop bit included
    unsigned tx_bits_ = 0;
    double tx_at_ = 0;     // Cycles until the next bit
    bool rx_busy_ = false;
    int rx_bit_ = 0;
    double rx_at_ = 0;
    uint8_t rx_byte_ = 0;

    void transmit() {
        if (tx_at_ >= 1) {
            tx_at_ -= 1;
            return;
        }
        if (tx_left_ == 0 && outgoing.empty()) return;
        if (tx_left_ == 0) {
            tx_bits_ = 0x200u | outgoing.front() << 1;
            outgoing.pop_front();
            tx_left_ = 10;
        }
        top_->debug_rx_i = tx_bits_ & 1;
        tx_bits_ >>= 1;
        --tx_left_;
        tx_at_ += bit_time - 1;
    }

    void receive(bool level) {
        if (!rx_busy_) {
            rx_busy_ = !level;
            rx_at_ = bit_time / 2;
            rx_bit_ = 0;
            return;
        }
        rx_at_ -= 1;
        if (rx_at_ > 0) return;
        rx_at_ += bit_time;
        if (rx_bit_ >= 1 && rx_bit_ <= 8) rx_byte_ = uint8_t(rx_byte_ >> 1 | level << 7);
        if (rx_bit_++ == 9) {
            if (level) incoming += char(rx_byte_);  // without stop bit it is no character
            rx_busy_ = false;
        }
    }
};

std::vector<uint8_t> file(const std::string& name) {
    std::ifstream in(name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string hex(const std::string& bytes) {
    std::string text;
    char two[3];
    for (unsigned char c : bytes) {
        std::snprintf(two, sizeof two, "%02x", c);
        text += two;
    }
    return text;
}

}  // namespace

int main(int argc, char** argv) {
    Board board(argc, argv);
    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream words(line);
        std::string command, text;
        uint64_t number = 0, count = 0;
        words >> command;
        if (command == "reset") {
            words >> number;
            board.reset(number);
        } else if (command == "boot") {
            words >> number;
            board.pins().boot_cfg_i = number & 3;
        } else if (command == "gpio") {
            words >> number;
            board.pins().gpio_i = number & 0xFFFF;
        } else if (command == "bit") {
            words >> number;
            board.bit_time = double(number) / 8;
        } else if (command == "flash") {
            words >> std::ws;
            std::getline(words, text);
            board.flash.contents = text.empty() ? std::vector<uint8_t>() : file(text);
        } else if (command == "send") {
            words >> text;
            for (size_t k = 0; k + 1 < text.size(); k += 2) {
                board.outgoing.push_back(uint8_t(std::stoul(text.substr(k, 2), nullptr, 16)));
            }
        } else if (command == "run") {
            words >> number >> count;
            board.run(number, count);
            std::printf("{\"received\": \"%s\", \"cycles\": %llu}\n", hex(board.incoming).c_str(),
                        static_cast<unsigned long long>(board.cycles()));
            board.incoming.clear();
        } else if (command == "status") {
            std::printf("{\"cycles\": %llu, \"seconds\": %.6f, \"gpio\": %u, \"gpio_enable\": %u}\n",
                        static_cast<unsigned long long>(board.cycles()), board.seconds(),
                        unsigned(board.pins().gpio_o), unsigned(board.pins().gpio_oe_o));
#ifdef HOST
        } else if (command == "wishbone") {
            uint32_t address = 0, lanes = 0, data = 0;
            words >> number >> address >> lanes;
            const bool write = bool(words >> data);
            const auto answer = board.wishbone(number, address, lanes, write, data);
            std::printf("{\"ack\": %d, \"data\": %u}\n", answer.ack, answer.data);
            command = "status";
        } else if (command == "hold") {
            words >> number;
            board.hold(number != 0);
        } else if (command == "frame") {
            std::printf("{\"la\": %u, \"irq\": %u}\n", unsigned(board.pins().la_data_out[0]),
                        unsigned(board.pins().user_irq));
            command = "status";
#endif
        } else if (command == "quit") {
            break;
        } else {
            words >> std::ws;
            std::getline(words, text);
            const bool known = (command == "fault" && board.fault(text)) || (command == "trace" && board.trace(text));
            std::printf(known ? "{}\n" : "{\"error\": \"unknown command\"}\n");
            command = "status";
        }
        if (command != "run" && command != "status") std::printf("{}\n");
        std::fflush(stdout);
    }
    return 0;
}
