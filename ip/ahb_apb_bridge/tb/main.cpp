// SPDX-License-Identifier: Apache-2.0
//
// Testbench of the bridge: a random AHB-Lite bus with another slave that stalls, four APB peripherals with wait
// states and errors, the APB protocol checked in every cycle. One line of JSON.
//
//   sim SEED TRANSFERS QUIET [+plusargs of the design]
//
// QUIET 1: the read data of peripherals that are not selected are 0, else random.

#include <memory>
#include <random>
#include <string>

#include "Vahb_apb_bridge.h"
#include "verilated.h"

namespace {

constexpr unsigned kSlots[] = {0x00, 0x01, 0x10, 0x1F};
constexpr int kSlaves = 4;

struct Transfer {
    bool active = false, mine = false, write = false;
    uint32_t addr = 0, data = 0;
    unsigned size = 2;

    int slave() const {
        for (int s = 0; s < kSlaves; ++s) if (addr >> 12 == kSlots[s]) return s;
        return -1;
    }
    bool legal() const { return size == 2 && addr % 4 == 0 && slave() >= 0; }
};

class Bench {
public:
    Bench(int argc, char** argv, unsigned seed, bool quiet)
        : context_(new VerilatedContext), random_(seed), quiet_(quiet) {
        context_->commandArgs(argc, argv);
        context_->randReset(2);
        context_->randSeed(int(seed));
        top_.reset(new Vahb_apb_bridge{context_.get()});
        top_->clk_i = 0;
        top_->rst_ni = 1;
        top_->eval();
        top_->rst_ni = 0;
        top_->eval();
        top_->rst_ni = 1;
    }
    ~Bench() { top_->final(); }

    void run(uint64_t transfers) {
        while (legal_ < transfers && failure_.empty()) cycle();
    }
    void print() const {
        printf("{\"legal\": %llu, \"refused\": %llu, \"slave_errors\": %llu, \"cycles\": %llu, \"failure\": \"%s\"}\n",
               (unsigned long long)legal_, (unsigned long long)refused_, (unsigned long long)slave_errors_,
               (unsigned long long)cycle_, failure_.c_str());
    }

private:
    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Vahb_apb_bridge> top_;
    std::mt19937 random_;
    bool quiet_;
    Transfer address_, data_;
    uint64_t cycle_ = 0, legal_ = 0, refused_ = 0, slave_errors_ = 0;
    int stall_ = 0;           // The other slave holds the bus
    int wait_ = 0, age_ = 0;  // Of the APB access: wait states left, cycles of the data phase
    bool setup_ = false, access_ = false, finished_ = false, slave_error_ = false, first_error_ = false;
    uint32_t rdata_ = 0;
    std::string failure_;

    uint32_t draw(uint32_t below) { return uint32_t(random_() % below); }
    void fail(const char* what) {
        if (failure_.empty()) failure_ = std::string(what) + " in cycle " + std::to_string(cycle_);
    }

    void make() {
        address_.active = draw(4) != 0;
        address_.mine = draw(5) != 0;
        address_.write = draw(2);
        address_.addr = (draw(8) ? kSlots[draw(kSlaves)] : draw(32)) << 12 | draw(1024) << 2;
        address_.size = draw(10) ? 2 : draw(3);
        if (draw(12) == 0) address_.addr += draw(4);
        address_.data = random_();
    }

    void cycle() {
        const bool other = data_.active && !data_.mine;
        if (other && stall_ == 0 && age_ == 0) stall_ = int(draw(4));
        top_->hsel_i = address_.mine;
        top_->htrans_i = address_.active ? 2 + draw(2) : draw(2);
        top_->haddr_i = address_.addr;
        top_->hsize_i = uint8_t(address_.size);
        top_->hwrite_i = address_.write;
        top_->hwdata_i = data_.active && data_.write ? data_.data : 0;
        top_->pready_i = top_->pslverr_i = 0;
        for (int s = 0; s < kSlaves; ++s) top_->prdata_i[s] = random_();
        top_->clk_i = 0;
        top_->eval();
        peripherals();
        for (int s = 0; quiet_ && s < kSlaves; ++s) if (!(top_->psel_o >> s & 1)) top_->prdata_i[s] = 0;
        top_->eval();
        if (!top_->psel_o && top_->hrdata_o) fail("read data without an access");
        const bool ready = other ? stall_ == 0 : top_->hreadyout_o;
        top_->hready_i = ready;
        top_->eval();
        if (other && !top_->hreadyout_o) fail("a wait state in another slave's data phase");
        if (other && top_->hresp_o) fail("an error in another slave's data phase");
        observe(ready);
        top_->clk_i = 1;
        top_->eval();
        ++cycle_;
    }

    // Answer the access, and check that it follows the protocol.
    void peripherals() {
        const unsigned select = top_->psel_o;
        if (!select) {
            if (setup_ || (access_ && !finished_)) fail("an access was given up");
            setup_ = access_ = false;
            return;
        }
        const int s = data_.slave();
        if (!data_.active || !data_.mine || !data_.legal() || select != 1u << s) return fail("wrong select");
        if (finished_) return fail("a second access");
        if (top_->paddr_o != (data_.addr & 0xFFF) || top_->pwrite_o != data_.write) fail("wrong address");
        if (data_.write && top_->pwdata_o != data_.data) fail("wrong write data");
        if (!setup_ && !access_) {
            if (top_->penable_o) fail("no setup cycle");
            setup_ = true;
            wait_ = draw(2) ? 0 : int(draw(5));
            slave_error_ = draw(8) == 0;
            return;
        }
        setup_ = false;
        access_ = true;
        if (!top_->penable_o) fail("no access cycle");
        // Peripherals that are not selected may say anything.
        top_->pready_i = uint8_t((draw(16) & ~(1u << s)) | unsigned(wait_ == 0) << s);
        top_->pslverr_i = uint8_t((draw(16) & ~(1u << s)) | unsigned(wait_ == 0 && slave_error_) << s);
        if (wait_-- == 0) {
            rdata_ = top_->prdata_i[s];
            finished_ = true;
        }
    }

    void observe(bool ready) {
        ++age_;
        if (data_.active && data_.mine) {
            if (ready) answer();
            else if (age_ > 12) fail("no end");
            first_error_ = top_->hresp_o && !ready;
        } else if (!data_.active && (!top_->hreadyout_o || top_->hresp_o)) {
            fail("an answer without a transfer");
        }
        if (stall_) --stall_;
        if (!ready) return;
        data_ = address_;
        age_ = stall_ = 0;
        setup_ = access_ = finished_ = first_error_ = false;
        make();
    }

    void answer() {
        const bool error = top_->hresp_o;
        if (error && !first_error_) fail("an ERROR of one cycle");
        if (!data_.legal()) {
            ++refused_;
            if (!error) fail("no ERROR");
            return;
        }
        ++legal_;
        slave_errors_ += slave_error_;
        if (!finished_) return fail("an answer before the peripheral's");
        if (error != slave_error_) fail("another response than the peripheral's");
        if (!error && !data_.write && top_->hrdata_o != rdata_) fail("other read data");
    }
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    Bench bench(argc, argv, unsigned(atoi(argv[1])), atoi(argv[3]) != 0);
    bench.run(strtoull(argv[2], nullptr, 10));
    bench.print();
    return 0;
}
