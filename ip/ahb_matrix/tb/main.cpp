// SPDX-License-Identifier: Apache-2.0
//
// Testbench of the bus matrix: random initiators, random targets, a scoreboard. One line of JSON.
//
//   sim SEED TRANSFERS [+plusargs of the design]
//
// Every transfer has its own address, so what a target saw and answered can be told from all others. Checked:
// each transfer reaches the right target once, with its size, direction and write data; the initiator gets that
// target's data and response; errors take two cycles; no wait is longer than 16 transfers of others or than the
// time limit allows; a transfer outside the map or to a stuck target ends with ERROR.

#include <map>
#include <memory>
#include <random>
#include <string>

#include "Vahb_matrix.h"
#include "verilated.h"

namespace {

constexpr int kInitiators = 3, kTargets = 4, kTimeout = 128;

struct Transfer {
    uint32_t addr = 0, wdata = 0;
    unsigned size = 2, prot = 0;
    bool write = false;
};

struct Record {  // What a target saw and answered
    Transfer seen;
    uint32_t rdata = 0;
    bool error = false, ended = false, hung = false;
};

struct Initiator {
    bool address = false, data = false, last_error = false;
    Transfer in_address, in_data;
    int others = 0;           // Transfers of others at the target since this one waits
    uint64_t since = 0;
};

struct Target {
    bool data = false, second = false;
    int wait = 0;
    Record* record = nullptr;
    uint32_t rdata = 0;
    bool error = false;
    uint64_t hung_at = 0;     // Last cycle of a data phase that takes too long
};

class Bench {
public:
    Bench(int argc, char** argv, unsigned seed) : context_(new VerilatedContext), random_(seed) {
        context_->commandArgs(argc, argv);
        context_->randReset(2);
        context_->randSeed(int(seed));
        top_.reset(new Vahb_matrix{context_.get()});
        top_->clk_i = 0;
        top_->rst_ni = 1;
        top_->eval();
        top_->rst_ni = 0;
        top_->i_htrans_i = 0;
        top_->eval();
        top_->rst_ni = 1;
    }
    ~Bench() { top_->final(); }

    void run(uint64_t transfers) {
        while (started_ < transfers && failure_.empty()) {
            if (cycle_ % 4096 == 0) mode();
            cycle(true);
        }
        drain();
        for (auto& m : initiators_) if (m.address || m.data) fail("a transfer without an end");
        for (auto& [addr, record] : records_) if (!record.ended && !record.hung) fail("a target's answer was lost");
    }
    void print() const {
        printf("{\"transfers\": %llu, \"cycles\": %llu, \"errors\": %llu, \"time_outs\": %llu, \"outside\": %llu, "
               "\"most_others\": %d, \"parallel\": %llu, \"failure\": \"%s\"}\n",
               (unsigned long long)started_, (unsigned long long)cycle_, (unsigned long long)errors_,
               (unsigned long long)time_outs_, (unsigned long long)outside_, most_others_,
               (unsigned long long)parallel_, failure_.c_str());
    }

private:
    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Vahb_matrix> top_;
    std::mt19937 random_;
    Initiator initiators_[kInitiators];
    Target targets_[kTargets];
    std::map<uint32_t, Record> records_;
    uint64_t cycle_ = 0, started_ = 0, errors_ = 0, time_outs_ = 0, outside_ = 0, parallel_ = 0;
    int most_others_ = 0;
    uint32_t serial_ = 0;
    unsigned busy_ = 8, hot_ = 0, slow_ = 4;
    std::string failure_;

    uint32_t draw(uint32_t below) { return uint32_t(random_() % below); }
    void fail(const std::string& what) {
        if (failure_.empty()) failure_ = what + " in cycle " + std::to_string(cycle_);
    }

    // Traffic: dense or thin, at one target or at all, fast or slow targets; the map with or without region 0.
    void mode() {
        busy_ = draw(3) ? 8 : 1 + draw(7);
        hot_ = draw(2) ? 0 : 1 + draw(kTargets);
        slow_ = draw(2) ? 1 : 1 + draw(8);
        drain();
        top_->region_i = uint8_t(30 + draw(2));
    }
    void drain() {
        for (int i = 0; i < 3000; ++i) cycle(false);
    }

    int decode(uint32_t addr) const {
        switch (addr >> 28) {
            case 0: return top_->region_i & 1 ? 1 : 0;
            case 1: return 1;
            case 4: return 2;
            case 6: return 3;
            default: return -1;
        }
    }

    Transfer make() {
        static const uint32_t places[] = {0x0, 0x1, 0x4, 0x6};
        Transfer t;
        uint32_t place = hot_ ? places[hot_ - 1] : places[draw(4)];
        if (draw(32) == 0) place = draw(2) ? 0x2 + draw(2) : 0x7 + draw(9);
        t.addr = place << 28 | (serial_++ & 0x3FFFFFF) << 2;
        t.size = draw(3);
        t.prot = draw(16);
        t.write = draw(2);
        t.wdata = random_();
        return t;
    }

    void cycle(bool more) {
        drive(more);
        top_->clk_i = 0;
        top_->eval();
        int active = 0;
        for (int t = 0; t < kTargets; ++t) active += observe_target(t);
        if (active > 1) ++parallel_;
        for (int i = 0; i < kInitiators; ++i) observe_initiator(i);
        top_->clk_i = 1;
        top_->eval();
        ++cycle_;
    }

    template <typename T>
    static void put(T& vector, int at, int width, uint64_t value) {
        const uint64_t mask = ((uint64_t(1) << width) - 1) << at;
        vector = T((uint64_t(vector) & ~mask) | (value << at & mask));
    }

    void drive(bool more) {
        for (int i = 0; i < kInitiators; ++i) {
            Initiator& m = initiators_[i];
            if (!m.address && more && draw(8) < busy_) {
                m.address = true;
                m.in_address = make();
                m.others = 0;
                ++started_;
            }
            const Transfer idle{uint32_t(random_()), 0, draw(8), 0, false};
            const Transfer& a = m.address ? m.in_address : idle;
            top_->i_haddr_i[i] = a.addr;
            put(top_->i_htrans_i, 2 * i, 2, m.address ? 2 : 0);
            put(top_->i_hsize_i, 3 * i, 3, a.size);
            put(top_->i_hprot_i, 4 * i, 4, a.prot);
            put(top_->i_hwrite_i, i, 1, a.write);
            top_->i_hwdata_i[i] = m.data && m.in_data.write ? m.in_data.wdata : uint32_t(random_());
        }
        for (int t = 0; t < kTargets; ++t) {
            Target& s = targets_[t];
            const bool ready = !s.data || (s.wait == 0 && (!s.error || s.second));
            put(top_->t_hreadyout_i, t, 1, ready);
            put(top_->t_hresp_i, t, 1, s.data && s.error && s.wait == 0);
            top_->t_hrdata_i[t] = s.data && ready ? s.rdata : uint32_t(random_());
        }
    }

    // One cycle of a target; true when it works.
    bool observe_target(int t) {
        Target& s = targets_[t];
        const bool ready = top_->t_hreadyout_i >> t & 1;
        if ((top_->t_hready_o >> t & 1) != ready) fail("HREADY of a target is not its own");
        const bool active = s.data;
        if (s.data && s.record->hung) s.hung_at = cycle_;
        if (s.data && ready) {
            if (s.record->seen.write && !s.record->hung && top_->t_hwdata_o[t] != s.record->seen.wdata) {
                s.record->seen.wdata = top_->t_hwdata_o[t];
            }
            s.record->ended = true;
            s.data = false;
        } else if (s.data) {
            s.second = s.error && s.wait == 0;
            if (s.wait) --s.wait;
        }
        const unsigned trans = top_->t_htrans_o >> 2 * t & 3;
        if (!(top_->t_hsel_o >> t & 1) || trans == 0) return active;
        if (trans != 2) fail("not a NONSEQ");
        if (!ready) {
            fail("an address for a busy target");
            return active;
        }
        accept(t, s);
        return active;
    }

    void accept(int t, Target& s) {
        Transfer seen;
        seen.addr = top_->t_haddr_o[t];
        seen.size = top_->t_hsize_o >> 3 * t & 7;
        seen.prot = top_->t_hprot_o >> 4 * t & 15;
        seen.write = top_->t_hwrite_o >> t & 1;
        seen.wdata = 0;
        if (decode(seen.addr) != t) fail("a transfer at the wrong target");
        if (records_.count(seen.addr)) fail("a transfer reached its target twice");
        Record& record = records_[seen.addr];
        record.seen = seen;
        s.data = true;
        s.second = false;
        s.error = draw(16) == 0;
        s.wait = slow_ == 1 ? 0 : int(draw(slow_));
        s.rdata = random_();
        if (draw(2000) == 0) s.wait = kTimeout + int(draw(600));  // hangs
        record.rdata = s.rdata;
        record.error = s.error;
        record.hung = s.wait >= kTimeout;
        s.record = &record;
        // Who else waits for this target?
        for (auto& m : initiators_) {
            const bool waits_in_data = m.data && decode(m.in_data.addr) == t && m.in_data.addr != seen.addr &&
                                       !records_.count(m.in_data.addr);
            if (waits_in_data && ++m.others > most_others_) most_others_ = m.others;
            if (m.others > 16) fail("an initiator waited for more than 16 transfers of others");
        }
    }

    void observe_initiator(int i) {
        Initiator& m = initiators_[i];
        const bool ready = top_->i_hready_o >> i & 1, error = top_->i_hresp_o >> i & 1;
        if (!m.data && (!ready || error)) fail("an answer without a transfer");
        if (m.data && cycle_ - m.since > 40 * (kTimeout + 4)) fail("a transfer takes too long");
        if (m.data && ready) {
            if (error && !m.last_error) fail("an ERROR of one cycle");
            end(i, m, error);
            m.data = false;
        }
        m.last_error = error && !ready;
        if (ready && m.address) {
            m.address = false;
            m.data = true;
            m.in_data = m.in_address;
            m.since = cycle_;
            m.others = 0;
        }
    }

    void end(int i, const Initiator& m, bool error) {
        const Transfer& want = m.in_data;
        const auto found = records_.find(want.addr);
        if (error) ++errors_;
        if (decode(want.addr) < 0) {
            ++outside_;
            if (!error) fail("no ERROR outside the map");
            if (found != records_.end()) fail("a target answered outside the map");
            return;
        }
        if (found == records_.end()) {
            ++time_outs_;
            const Target& s = targets_[decode(want.addr)];
            if (!error) fail("a transfer did not reach its target");
            // Refused without the target: only while that target hangs, or just after.
            if (!s.hung_at || cycle_ - s.hung_at > 4) fail("a transfer was refused for no reason");
            return;
        }
        const Record& record = found->second;
        const Transfer& seen = record.seen;
        if (seen.size != want.size || seen.prot != want.prot || seen.write != want.write) fail("attributes differ");
        if (record.hung) {
            ++time_outs_;
            if (!error) fail("no ERROR of a target that hangs");
            return;
        }
        if (!record.ended) fail("an answer before the target's");
        if (error != record.error) fail("another response than the target's");
        if (!error && !want.write && top_->i_hrdata_o[i] != record.rdata) fail("another target's data");
        if (want.write && seen.wdata != want.wdata) fail("other write data");
        records_.erase(found);
    }
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    Bench bench(argc, argv, unsigned(atoi(argv[1])));
    bench.run(strtoull(argv[2], nullptr, 10));
    bench.print();
    return 0;
}
