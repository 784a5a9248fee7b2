// SPDX-License-Identifier: Apache-2.0
//
// Testbench of the bridge: a random Wishbone master that sometimes gives up, a memory on AHB-Lite with wait states and
// errors, the rules of both buses checked in every cycle. One line of JSON.
//
//   sim SEED ACCESSES [+plusargs of the design]

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "Vwb_ahb_bridge.h"
#include "verilated.h"

namespace {

constexpr unsigned kWords = 16;
constexpr uint32_t kBase = 0x1800'0000;

struct Access {
    bool write = false;
    unsigned sel = 0;
    uint32_t adr = 0, data = 0;
};

struct Transfer {
    uint32_t addr = 0;
    unsigned size = 0;
    bool write = false;
    unsigned lanes() const { return ((1u << (1u << size)) - 1) << (addr & 3); }
    bool operator==(const Transfer& o) const { return addr == o.addr && size == o.size && write == o.write; }
};

uint32_t spread(unsigned lanes) {
    uint32_t mask = 0;
    for (int k = 0; k < 4; ++k) if (lanes >> k & 1) mask |= 0xFFu << 8 * k;
    return mask;
}

// The transfers of an access: aligned words, halves and bytes, the lowest lane first.
std::vector<Transfer> parts(const Access& a) {
    std::vector<Transfer> found;
    if (a.sel == 15) return {{a.adr, 2, a.write}};
    for (unsigned h = 0; h < 2; ++h) {
        const unsigned pair = a.sel >> 2 * h & 3;
        if (pair == 3) found.push_back({a.adr + 2 * h, 1, a.write});
        else if (pair) found.push_back({a.adr + 2 * h + (pair == 2), 0, a.write});
    }
    return found;
}

class Bench {
public:
    Bench(int argc, char** argv, unsigned seed) : context_(new VerilatedContext), random_(seed) {
        context_->commandArgs(argc, argv);
        context_->randReset(2);
        context_->randSeed(int(seed));
        top_.reset(new Vwb_ahb_bridge{context_.get()});
        for (unsigned k = 0; k < kWords; ++k) memory_[k] = model_[k] = random_();
        top_->clk_i = 0;
        top_->rst_ni = 1;
        top_->eval();
        top_->rst_ni = 0;
        top_->eval();
        top_->rst_ni = 1;
    }
    ~Bench() { top_->final(); }

    void run(uint64_t accesses) {
        while (acknowledged_ < accesses && failure_.empty()) cycle();
    }
    void print() const {
        printf("{\"acknowledged\": %llu, \"split\": %llu, \"empty\": %llu, \"errors\": %llu, \"given_up\": %llu, "
               "\"cycles\": %llu, \"shortest\": %llu, \"failure\": \"%s\"}\n",
               (unsigned long long)acknowledged_, (unsigned long long)split_, (unsigned long long)empty_,
               (unsigned long long)errors_, (unsigned long long)given_up_, (unsigned long long)cycle_,
               (unsigned long long)shortest_, failure_.c_str());
    }

private:
    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Vwb_ahb_bridge> top_;
    std::mt19937 random_;
    uint32_t memory_[kWords], model_[kWords];
    uint64_t cycle_ = 0, acknowledged_ = 0, split_ = 0, empty_ = 0, errors_ = 0, given_up_ = 0, shortest_ = 99;
    std::string failure_;

    // Master
    bool asking_ = false;
    Access access_;
    uint64_t began_ = 0;
    int pause_ = 0;

    // The access that the bridge works on, and what its transfers have done
    bool working_ = false, wanted_ = false, failed_ = false;
    Access current_;
    std::vector<Transfer> due_;
    uint32_t read_ = 0;
    bool error_flag_ = false;   // What error_o must show
    unsigned idle_ = 0;         // Cycles since the last transfer

    // Bus
    bool address_ = false, data_ = false, first_error_ = false;
    Transfer held_, phase_;
    int wait_ = 0, grant_ = 0;
    bool error_ = false;

    uint32_t draw(uint32_t below) { return uint32_t(random_() % below); }
    void fail(const char* what) {
        if (failure_.empty()) failure_ = std::string(what) + " in cycle " + std::to_string(cycle_);
    }

    void master() {
        if (asking_ && draw(40) == 0) {
            asking_ = false;
            ++given_up_;
            pause_ = int(draw(2));
        } else if (!asking_ && pause_-- <= 0) {
            asking_ = true;
            access_.write = draw(2);
            access_.sel = draw(2) ? 15 : draw(16);
            access_.adr = kBase + 4 * draw(kWords);
            access_.data = random_();
            began_ = cycle_;
        }
        const bool cyc = asking_ || draw(2);
        top_->wb_cyc_i = cyc;
        top_->wb_stb_i = asking_ || (!cyc && draw(2));
        top_->wb_we_i = asking_ ? access_.write : draw(2);
        top_->wb_sel_i = uint8_t(asking_ ? access_.sel : draw(16));
        top_->wb_adr_i = asking_ ? access_.adr >> 2 : random_() >> 2;
        top_->wb_dat_i = asking_ ? access_.data : random_();
    }

    void cycle() {
        master();
        // A data phase ends, or an address phase is taken; else the bus shows neither.
        bool ready = true, resp = false;
        if (data_) {
            ready = wait_ == 0;
            resp = error_ && wait_ <= 1;
        } else if (address_ || top_->htrans_o) {
            ready = grant_-- <= 0;
        }
        top_->hrdata_i = data_ && ready && !resp && !phase_.write ? memory_[phase_.addr / 4 % kWords] ^ noise() : random_();
        top_->hready_i = ready;
        top_->hresp_i = resp;
        top_->clk_i = 0;
        top_->eval();
        look(ready, resp);
        top_->clk_i = 1;
        top_->eval();
        ++cycle_;
    }

    // Lanes outside the transfer carry anything.
    uint32_t noise() { return uint32_t(random_()) & ~spread(phase_.lanes()); }

    void look(bool ready, bool resp) {
        const bool asks = top_->htrans_o != 0;
        const Transfer now{top_->haddr_o, top_->hsize_o, bool(top_->hwrite_o)};
        if (top_->htrans_o & 1) fail("HTRANS is BUSY or SEQ");
        if (top_->hprot_o != 3) fail("wrong protection");
        if (address_ && !(asks && now == held_)) fail("the address phase changed");
        if (data_ && asks) fail("an address phase in a data phase");
        if (data_ && !(now == phase_)) fail("the address changed in the data phase");
        if (data_ && phase_.write && ((top_->hwdata_o ^ current_.data) & spread(phase_.lanes()))) fail("wrong write data");
        if (asks && !address_) begin(now);
        if (top_->error_o != error_flag_) fail("wrong error flag");
        acknowledgement();
        idle_ = asks || data_ ? 0 : idle_ + 1;
        if (data_ && ready) finish(resp);
        else if (data_) --wait_;
        address_ = asks && !ready;
        held_ = now;
        if (asks && ready) {
            data_ = true;
            phase_ = now;
            error_ = draw(24) == 0;
            wait_ = draw(2) ? 0 : int(draw(4));
            if (error_ && wait_ == 0) wait_ = 1;
        }
        if (working_ && !due_.empty() && idle_ > 3 && cycle_ > taken_ + 3) fail("a transfer is missing");
        wanted_ = wanted_ && asking_;
    }

    void begin(const Transfer& now) {
        grant_ = draw(3) ? 0 : int(draw(4));
        if (idle_ == 0) fail("no cycle between two transfers");
        if (!working_ || due_.empty() || !(now == due_.front())) fail("a transfer that nobody asked for");
    }

    void finish(bool resp) {
        data_ = false;
        due_.erase(due_.begin());
        const unsigned at = phase_.addr / 4 % kWords;
        const uint32_t mask = spread(phase_.lanes());
        if (resp) {
            due_.clear();
            failed_ = error_flag_ = true;
            read_ = ~0u;
            ++errors_;
        } else if (phase_.write) {
            memory_[at] = (memory_[at] & ~mask) | (top_->hwdata_o & mask);
            model_[at] = (model_[at] & ~mask) | (current_.data & mask);
        } else {
            read_ = (read_ & ~mask) | (model_[at] & mask);
        }
        if (memory_[at] != model_[at]) fail("the memory differs");
    }

    // The bridge takes an access up when it has none; it ends in the cycle after its last transfer.
    void acknowledgement() {
        const bool end = working_ && due_.empty() && !data_ && cycle_ != taken_;
        const bool expected = end && wanted_ && asking_;
        if (end && wanted_ && !asking_) {  // given up in this very cycle: it may say either
        } else if (bool(top_->wb_ack_o) != expected) {
            fail(expected ? "no acknowledgement" : "an acknowledgement that nobody waits for");
        }
        if (expected) {
            const uint32_t mask = failed_ ? ~0u : spread(current_.sel);
            if (!current_.write && ((top_->wb_dat_o ^ read_) & mask)) fail("wrong read data");
            ++acknowledged_;
            const unsigned count = unsigned(parts(current_).size());
            split_ += count > 1;
            empty_ += count == 0;
            if (count == 1) shortest_ = std::min(shortest_, cycle_ - began_ + 1);
            asking_ = false;
            pause_ = draw(2) ? 0 : int(draw(4));
        }
        if (end) {
            working_ = false;
        } else if (!working_ && asking_) {
            working_ = wanted_ = true;
            failed_ = error_flag_ = false;
            current_ = access_;
            due_ = parts(access_);
            read_ = 0;
            taken_ = cycle_;
        }
    }
    uint64_t taken_ = ~0ull;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    Bench bench(argc, argv, unsigned(atoi(argv[1])));
    bench.run(strtoull(argv[2], nullptr, 10));
    bench.print();
    return 0;
}
