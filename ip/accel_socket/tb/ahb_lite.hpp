// SPDX-License-Identifier: Apache-2.0
//
// AHB-Lite access to top `accel`, shared by the testbenches: clock, reset, bus signals, test vectors,
// and the JSON answer on standard output.

#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "Vaccel.h"
#include "verilated.h"

namespace ahb {

enum Trans : uint8_t { kIdle = 0, kBusy = 1, kNonseq = 2, kSeq = 3 };
constexpr uint8_t kWord = 2;

// What a master drives in an address phase; `data` follows in the data phase of a write.
struct Address {
    bool select = false;
    uint8_t trans = kIdle;
    uint8_t size = kWord;
    bool write = false;
    uint16_t addr = 0;
    uint32_t data = 0;

    bool active() const { return trans & 2; }
    bool for_dut() const { return select && active(); }
};

inline Address read(uint32_t addr) { return {true, kNonseq, kWord, false, uint16_t(addr), 0}; }
inline Address write(uint32_t addr, uint32_t data) { return {true, kNonseq, kWord, true, uint16_t(addr), data}; }

// The design under test. All registers start with random contents drawn from `seed`.
class Dut {
public:
    Dut(int argc, char** argv, int seed) : context_(new VerilatedContext) {
        context_->commandArgs(argc, argv);
        context_->randReset(2);
        context_->randSeed(seed);
        top_.reset(new Vaccel{context_.get()});
        top_->hclk_i = 0;
        top_->hreset_ni = 1;
        top_->hready_i = 1;
        top_->eval();
    }
    ~Dut() { top_->final(); }

    Vaccel& pins() { return *top_; }
    uint64_t cycle() const { return cycle_; }

    void drive(const Address& a) {
        top_->hsel_i = a.select;
        top_->htrans_i = a.trans;
        top_->hsize_i = a.size;
        top_->hwrite_i = a.write;
        top_->haddr_i = a.addr;
    }

    // Let the outputs settle in this cycle.
    void settle() {
        top_->hclk_i = 0;
        top_->eval();
    }

    // End this cycle.
    void clock() {
        top_->hclk_i = 1;
        top_->eval();
        ++cycle_;
    }

private:
    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Vaccel> top_;
    uint64_t cycle_ = 0;
};

// Test vectors: four 32-bit counts (vectors, inputs, outputs, weights), all inputs, all outputs, the words of an
// image of reloadable weights.
struct Vectors {
    uint32_t count = 0, n_in = 0, n_out = 0, n_weights = 0;
    std::vector<uint32_t> x, y, weights;

    explicit Vectors(const char* path) {
        std::ifstream file(path, std::ios::binary);
        auto take = [&](uint32_t* into, size_t words) {
            if (!file.read(reinterpret_cast<char*>(into), std::streamsize(4 * words)))
                throw std::runtime_error(std::string("cannot read the vectors in ") + path);
        };
        take(&count, 1);
        take(&n_in, 1);
        take(&n_out, 1);
        take(&n_weights, 1);
        x.resize(size_t(count) * n_in);
        y.resize(size_t(count) * n_out);
        weights.resize(n_weights);
        take(x.data(), x.size());
        take(y.data(), y.size());
        take(weights.data(), weights.size());
    }
};

inline double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Failures found so far; the first few are kept as text.
class Failures {
public:
    void add(const std::string& text) {
        if (count_++ < kKept) kept_.push_back(text);
    }
    uint64_t count() const { return count_; }
    bool full() const { return count_ >= kKept; }

    void print_json() const {
        printf("\"failures\": %llu, \"messages\": [", static_cast<unsigned long long>(count_));
        for (size_t i = 0; i < kept_.size(); ++i) printf("%s\"%s\"", i ? ", " : "", kept_[i].c_str());
        printf("]");
    }

private:
    static constexpr size_t kKept = 20;
    uint64_t count_ = 0;
    std::vector<std::string> kept_;
};

// CRC-32, bit by bit, of one more word.
inline uint32_t crc32(uint32_t crc, uint32_t word) {
    crc = ~crc;
    for (int bit = 0; bit < 32; ++bit) crc = (crc >> 1) ^ (((crc ^ (word >> bit)) & 1) ? 0xEDB88320u : 0);
    return ~crc;
}

inline std::string hex(uint32_t value) {
    char text[16];
    snprintf(text, sizeof text, "0x%X", value);
    return text;
}

}  // namespace ahb
