// SPDX-License-Identifier: Apache-2.0
//
// Runs a file of jobs on the core and writes what happened.
//
// A job is 12 words: code words, data words, end address, cycle limit, most wait states, seed, interrupt
// rate (one random line is pulsed in about one of so many cycles; 0: never), lines for that, trace (0 none,
// 1 everything), whether a run goes on in lockup, two reserved; then the code and data words. The answer to each job is 8 words: status (0 end address
// reached, 1 finished by the program, 2 cycle limit, 3 lockup, 4 bus violation), value, cycles, records,
// writes, output words, bus transfers, errors; then the records (22 words: cycle, kind, number or PC, R0 to
// R12, MSP, LR, PSP, xPSR, CONTROL and PRIMASK, lockup), the writes (4 words) and the output.

#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <vector>

#include "memory.hpp"
#include "verilated.h"

namespace {

using Words = std::vector<uint32_t>;
enum Kind : uint32_t { kRetire = 0, kEnter = 1, kLeave = 2, kTail = 3, kStart = 4, kIrq = 5, kWake = 6, kReturn = 7 };
enum Status : uint32_t { kEnd = 0, kFinished = 1, kLimit = 2, kLockup = 3, kViolation = 4 };

struct Job {
    uint32_t code, data, end, limit, waits, seed, rate, lines, trace, through_lockup, reserved[2];
};

class Bench {
public:
    Bench(const Job& job, Memory& memory) : job_(job), memory_(memory), random_(job.seed + 1) {
        context_.randReset(2);
        context_.randSeed(int(job.seed % 1000000 + 1));
        top_.reset(new Vcpu_armv6m_trace{&context_});
    }
    ~Bench() { top_->final(); }

    Status run() {
        auto& pins = *top_;
        pins.rst_ni = 1;
        pins.clk_i = 0;
        pins.irq_i = pins.nmi_i = pins.rxev_i = 0;
        pins.st_calib_i = 1u << 25 | 1000;
        pins.hready_i = 1;
        pins.hresp_i = 0;
        pins.eval();
        pins.rst_ni = 0;
        for (int i = 0; i < 3; ++i) edge();
        pins.rst_ni = 1;
        for (cycle_ = 0; cycle_ < job_.limit; ++cycle_) {
            Status status;
            if (cycle(status)) return status;
        }
        return kLimit;
    }

    uint64_t cycles() const { return cycle_; }
    const Words& records() const { return records_; }
    uint32_t count() const { return uint32_t(records_.size() / 22); }

private:
    void edge() {
        top_->clk_i = 1;
        top_->eval();
        top_->clk_i = 0;
        top_->eval();
    }

    // One clock cycle; true when the run ends.
    bool cycle(Status& status) {
        auto& pins = *top_;
        uint32_t pulse = 0;
        if (job_.rate && random_() % job_.rate == 0) pulse = 1u << random_() % 32 & job_.lines;
        if (job_.trace && ((memory_.irq | pulse) & ~pins.irq_i)) record(kIrq, memory_.irq | pulse);
        pins.irq_i = memory_.irq | pulse;
        pins.nmi_i = memory_.nmi & 1;
        pins.rxev_i = memory_.rxev & 1;
        pins.st_tick_i = cycle_ % 4 == 0;
        memory_.rxev = 0;
        memory_.respond(pins);
        pins.eval();
        const bool retire = pins.retire_o, enter = pins.enter_o, leave = pins.leave_o, tail = pins.tail_o;
        const bool start = pins.start_o, unstack = pins.unstack_o, asleep = pins.sleeping_o;
        const uint32_t pc = pins.pc_o, number = pins.enter_num_o;
        memory_.end(pins, count());
        edge();
        if (job_.trace) {
            if (retire) record(kRetire, pc);
            if (leave) record(kLeave, pc);
            if (tail) record(kTail, 0);
            if (start) record(kStart, pc);
            if (enter) record(kEnter, number);
            if (unstack) record(kReturn, pc);
            if (asleep && !pins.sleeping_o) record(kWake, pc);
        }
        status = !memory_.violation.empty() ? kViolation : memory_.finished ? kFinished : pins.lockup_o && !job_.through_lockup ? kLockup : kEnd;
        return status != kEnd || (retire && pc == job_.end);
    }

    void record(Kind kind, uint32_t number) {
        const auto& pins = *top_;
        records_.insert(records_.end(), {uint32_t(cycle_), kind, number});
        for (int i = 0; i < 16; ++i) records_.push_back(pins.regs_o[i]);
        records_.insert(records_.end(), {pins.xpsr_o, pins.mask_o, uint32_t(pins.lockup_o)});
    }

    const Job& job_;
    Memory& memory_;
    VerilatedContext context_;
    std::unique_ptr<Vcpu_armv6m_trace> top_;
    std::minstd_rand random_;
    uint64_t cycle_ = 0;
    Words records_;
};

void take(std::ifstream& file, Words& into, uint32_t count) {
    if (count > into.size()) throw std::runtime_error("a job is larger than the memory");
    if (!file.read(reinterpret_cast<char*>(into.data()), 4 * std::streamsize(count)))
        throw std::runtime_error("the file of jobs is too short");
}

void put(std::ofstream& file, const void* from, size_t bytes) {
    file.write(static_cast<const char*>(from), std::streamsize(bytes));
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 3) throw std::runtime_error("usage: sim JOBS ANSWERS");
    std::ifstream in(argv[1], std::ios::binary);
    std::ofstream out(argv[2], std::ios::binary);
    Job job;
    while (in.read(reinterpret_cast<char*>(&job), sizeof job)) {
        Memory memory(job.waits, job.seed);
        take(in, memory.code, job.code);
        take(in, memory.data, job.data);
        Bench bench(job, memory);
        const Status status = bench.run();
        if (status == kViolation) std::fprintf(stderr, "%s\n", memory.violation.c_str());
        const uint32_t head[8] = {status, memory.code_value, uint32_t(bench.cycles()), bench.count(),
                                  uint32_t(memory.writes.size()), uint32_t(memory.output.size()),
                                  uint32_t(memory.transfers), uint32_t(memory.errors)};
        put(out, head, sizeof head);
        put(out, bench.records().data(), 4 * bench.records().size());
        put(out, memory.writes.data(), sizeof(Write) * memory.writes.size());
        put(out, memory.output.data(), 4 * memory.output.size());
    }
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
