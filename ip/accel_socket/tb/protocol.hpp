// SPDX-License-Identifier: Apache-2.0
//
// A hostile bus around top `accel`: random legal and illegal transfers back to back, idle and busy
// cycles, another slave that holds HREADY low, starts and buffer accesses in mid-run, resets at any time.
// Every output is compared in every clock cycle with a reference model of the socket, so a missing, late,
// early or wrong answer shows at once; the model answers within two cycles, hence so does the design.

#pragma once

#include <deque>
#include <iterator>
#include <map>
#include <random>

#include "accel_socket.h"
#include "ahb_lite.hpp"

namespace protocol {

using ahb::Address;

constexpr uint32_t kIn = ACCEL_SOCKET_INPUT_BUFFER_OFFSET;
constexpr uint32_t kOut = ACCEL_SOCKET_OUTPUT_BUFFER_OFFSET;
constexpr uint32_t kPort = ACCEL_SOCKET_WEIGHT_PORT_OFFSET;
constexpr uint32_t kPortWords = ACCEL_SOCKET_WEIGHT_PORT_ENTRIES;
constexpr uint32_t kInMask = uint32_t((uint64_t(1) << ACCEL_SOCKET_IN_FORMAT_WIDTH_VALUE) - 1);
constexpr uint32_t kReadOnly[] = {
    ACCEL_SOCKET_ID_OFFSET,        ACCEL_SOCKET_VERSION_OFFSET,    ACCEL_SOCKET_MODEL_HASH_OFFSET,
    ACCEL_SOCKET_SHAPE_OFFSET,     ACCEL_SOCKET_IN_FORMAT_OFFSET,  ACCEL_SOCKET_OUT_FORMAT_OFFSET,
    ACCEL_SOCKET_CYCLES_OFFSET,    ACCEL_SOCKET_WEIGHTS_OFFSET,    ACCEL_SOCKET_WEIGHTS_CRC_OFFSET,
};
constexpr uint32_t kReadWrite[] = {ACCEL_SOCKET_CTRL_OFFSET, ACCEL_SOCKET_STATUS_OFFSET};

template <size_t N>
bool contains(const uint32_t (&list)[N], uint32_t value) {
    for (uint32_t v : list)
        if (v == value) return true;
    return false;
}

// Counts of the situations that occurred, so that a run proves what it visited.
class Coverage {
public:
    void hit(const char* what) { ++counts_[what]; }
    void print_json() const {
        printf("\"coverage\": {");
        const char* comma = "";
        for (const auto& [name, count] : counts_) {
            printf("%s\"%s\": %llu", comma, name.c_str(), static_cast<unsigned long long>(count));
            comma = ", ";
        }
        printf("}");
    }

private:
    std::map<std::string, uint64_t> counts_;
};

struct Expected {
    bool ready = true;
    bool error = false;
    bool check_data = false;
    uint32_t data = 0;
};

// What the socket must do, written from the register description, one clock cycle at a time.
class Model {
public:
    Model(const ahb::Vectors& v, uint64_t cycles, uint32_t counter_max, Coverage& coverage)
        : v_(v), latency_(cycles), counter_max_(counter_max), coverage_(coverage), buffer_(v.n_in), memory_(v.n_weights) {
        forget_inputs();
    }

    bool busy() const { return left_ > 0; }
    bool irq() const { return done_ && irq_enable_; }
    bool result() const { return result_ && !busy(); }
    bool weights_loaded() const { return position_ == v_.n_weights; }
    bool weights_known() const {
        for (uint32_t k = 0; k < v_.n_weights; ++k)
            if (!memory_[k].known || memory_[k].value != v_.weights[k]) return false;
        return true;
    }

    void reset() {
        if (busy()) coverage_.hit("reset_mid_run");
        if (second_) coverage_.hit("reset_mid_error");
        left_ = 0;
        position_ = crc_ = 0;
        second_ = done_ = start_error_ = access_error_ = irq_enable_ = result_ = known_ = false;
        counter_ = 0;
        forget_inputs();
    }

    // Answer in this cycle to the transfer in its data phase (not active: none for this slave).
    Expected answer(const Address& a) const {
        if (!a.for_dut()) return {};
        if (second_) return {true, true, false, 0};
        if (refusal(a)) return {false, true, false, 0};
        if (a.write) return {};
        Expected e;
        e.check_data = true;
        const uint32_t offset = a.addr;
        if (offset >= kOut && offset < kOut + 4 * v_.n_out) {
            e.check_data = known_;
            e.data = v_.y[size_t(vector_) * v_.n_out + (offset - kOut) / 4];
            if (known_) coverage_.hit("result_checked");
        } else {
            e.data = register_value(offset);
        }
        return e;
    }

    // End of a clock cycle in which the data phase belonged to `a`.
    void clock(const Address& a) {
        const bool was_busy = busy();
        const char* why = a.for_dut() && !second_ ? refusal(a) : nullptr;
        const bool start = a.for_dut() && !second_ && !why && perform(a);
        second_ = why != nullptr;
        if (clear_) position_ = crc_ = 0;
        clear_ = false;
        if (why) {
            coverage_.hit(why);
            access_error_ = true;
        }
        if (was_busy) {
            if (counter_ < counter_max_) ++counter_;
            if (--left_ == 0) finish();
        }
        if (start) begin();
    }

    // The vector that the master is loading.
    void aim(uint32_t vector) { candidate_ = vector; }

private:
    struct Element {
        bool known;
        uint32_t value;
    };

    bool loaded() const {
        for (uint32_t i = 0; i < v_.n_in; ++i)
            if (!buffer_[i].known || (buffer_[i].value ^ v_.x[size_t(candidate_) * v_.n_in + i]) & kInMask)
                return false;
        return true;
    }

    // Why the socket answers with an error (null: it does not).
    const char* refusal(const Address& a) const {
        const uint32_t offset = a.addr;
        if (a.size != ahb::kWord) return "wrong_size";
        if (offset % 4) return "unaligned";
        if (offset >= kIn && offset < kIn + 4 * v_.n_in) {
            if (!a.write) return "write_only_read";
            return busy() ? "input_while_busy" : nullptr;
        }
        if (offset >= kOut && offset < kOut + 4 * v_.n_out) {
            if (a.write) return "read_only_write";
            if (busy()) return "output_while_busy";
            return result_ ? nullptr : "output_before_result";
        }
        if (offset >= kPort && offset < kPort + 4 * kPortWords) {
            if (!a.write) return "write_only_read";
            if (busy()) return "weights_while_busy";
            return weights_loaded() ? "weights_in_place" : nullptr;
        }
        if (contains(kReadOnly, offset)) return a.write ? "read_only_write" : nullptr;
        return contains(kReadWrite, offset) ? nullptr : "bad_address";
    }

    uint32_t register_value(uint32_t offset) const {
        switch (offset) {
            case ACCEL_SOCKET_ID_OFFSET: return ACCEL_SOCKET_ID_MAGIC_VALUE;
            case ACCEL_SOCKET_VERSION_OFFSET:
                return ACCEL_SOCKET_VERSION_MAJOR_VALUE << 16 | ACCEL_SOCKET_VERSION_MINOR_VALUE << 8 |
                       ACCEL_SOCKET_VERSION_PATCH_VALUE;
            case ACCEL_SOCKET_MODEL_HASH_OFFSET: return ACCEL_SOCKET_MODEL_HASH_HASH_VALUE;
            case ACCEL_SOCKET_SHAPE_OFFSET: return v_.n_out << 16 | v_.n_in;
            case ACCEL_SOCKET_IN_FORMAT_OFFSET:
                return ACCEL_SOCKET_IN_FORMAT_IS_SIGNED_VALUE << 16 | ACCEL_SOCKET_IN_FORMAT_FRAC_VALUE << 8 |
                       ACCEL_SOCKET_IN_FORMAT_WIDTH_VALUE;
            case ACCEL_SOCKET_OUT_FORMAT_OFFSET:
                return ACCEL_SOCKET_OUT_FORMAT_IS_SIGNED_VALUE << 16 | ACCEL_SOCKET_OUT_FORMAT_FRAC_VALUE << 8 |
                       ACCEL_SOCKET_OUT_FORMAT_WIDTH_VALUE;
            case ACCEL_SOCKET_CTRL_OFFSET: return irq_enable_ << ACCEL_SOCKET_CTRL_IRQ_ENABLE_LSB;
            case ACCEL_SOCKET_STATUS_OFFSET:
                return busy() << ACCEL_SOCKET_STATUS_BUSY_LSB | done_ << ACCEL_SOCKET_STATUS_DONE_LSB |
                       start_error_ << ACCEL_SOCKET_STATUS_START_ERROR_LSB |
                       access_error_ << ACCEL_SOCKET_STATUS_ACCESS_ERROR_LSB |
                       weights_loaded() << ACCEL_SOCKET_STATUS_LOADED_LSB;
            case ACCEL_SOCKET_WEIGHTS_OFFSET: return v_.n_weights;
            case ACCEL_SOCKET_WEIGHTS_CRC_OFFSET: return crc_;
            default: return counter_;
        }
    }

    // Effect of a legal transfer; true when it starts an inference.
    bool perform(const Address& a) {
        if (!a.write) {
            coverage_.hit("read");
            return false;
        }
        coverage_.hit("write");
        if (a.addr >= kIn) {
            buffer_[(a.addr - kIn) / 4] = {true, a.data};
            return false;
        }
        if (a.addr >= kPort) {
            memory_[position_++] = {true, a.data};
            crc_ = ahb::crc32(crc_, a.data);
            if (weights_loaded()) coverage_.hit("loaded");
            return false;
        }
        if (a.addr == ACCEL_SOCKET_STATUS_OFFSET) {
            if (done_ && (a.data & ACCEL_SOCKET_STATUS_DONE_MASK)) coverage_.hit("done_cleared");
            if (a.data & ACCEL_SOCKET_STATUS_DONE_MASK) done_ = false;
            if (a.data & ACCEL_SOCKET_STATUS_START_ERROR_MASK) start_error_ = false;
            if (a.data & ACCEL_SOCKET_STATUS_ACCESS_ERROR_MASK) access_error_ = false;
            return false;
        }
        irq_enable_ = a.data & ACCEL_SOCKET_CTRL_IRQ_ENABLE_MASK;
        clear_ = a.data & ACCEL_SOCKET_CTRL_LOAD_MASK;
        if (!(a.data & ACCEL_SOCKET_CTRL_START_MASK)) return false;
        if (busy()) {
            coverage_.hit("start_while_busy");
            start_error_ = true;
            return false;
        }
        if (!weights_loaded()) {
            coverage_.hit("start_without_weights");
            start_error_ = true;
            return false;
        }
        return true;
    }

    void begin() {
        coverage_.hit("start");
        left_ = latency_;
        counter_ = 0;
        done_ = result_ = false;
        known_ = loaded() && weights_known();
        vector_ = candidate_;
        forget_inputs();
    }

    void finish() {
        done_ = result_ = true;
        coverage_.hit(irq_enable_ ? "finish_irq" : "finish_silent");
    }

    void forget_inputs() {
        for (auto& e : buffer_) e.known = false;
    }

    const ahb::Vectors& v_;
    const uint64_t latency_;
    const uint32_t counter_max_;
    Coverage& coverage_;
    std::vector<Element> buffer_, memory_;  // Inputs and weights that the engine holds
    uint32_t position_ = 0, crc_ = 0;       // Words of the image so far, and their CRC
    bool clear_ = false;                    // A load begins with the next cycle
    uint64_t left_ = 0;
    uint32_t counter_ = 0, vector_ = 0, candidate_ = 0;
    bool second_ = false, done_ = false, start_error_ = false, access_error_ = false;
    bool irq_enable_ = false, result_ = false, known_ = false;
};

// Chooses what the master does next: whole inferences, spiced with everything that must not disturb them.
class Director {
public:
    Director(const ahb::Vectors& v, const Model& model, std::mt19937& rng) : v_(v), model_(model), rng_(rng) {}

    uint32_t draw(uint32_t below) { return uint32_t(rng_() % below); }
    bool chance(uint32_t percent) { return draw(100) < percent; }
    uint32_t vector() const { return vector_; }
    void forget_plan() { plan_.clear(); }

    Address next() {
        if (chance(quiet_ ? 5 : 45)) return spice();
        if (model_.busy() && !plan_.empty() && !chance(2)) return chance(50) ? idle() : status();
        if (plan_.empty()) make_plan();
        const Address a = plan_.front();
        plan_.pop_front();
        return a;
    }

private:
    void make_plan() {
        quiet_ = chance(40);
        vector_ = draw(v_.count);
        std::vector<Address> weights, steps;
        if (!model_.weights_loaded() || !model_.weights_known() || chance(5)) {
            weights.push_back(ahb::write(ACCEL_SOCKET_CTRL_OFFSET, ACCEL_SOCKET_CTRL_LOAD_MASK));
            for (uint32_t word : v_.weights) weights.push_back(ahb::write(kPort + 4 * draw(kPortWords), word));
        }
        for (uint32_t i = 0; i < v_.n_in; ++i) steps.push_back(ahb::write(kIn + 4 * i, element(i)));
        if (chance(30)) steps.push_back(ahb::read(kOut + 4 * draw(v_.n_out)));  // of the inference before
        shuffle(steps);
        if (chance(30)) steps.push_back(ahb::write(ACCEL_SOCKET_STATUS_OFFSET, rng_()));
        steps.push_back(ahb::write(ACCEL_SOCKET_CTRL_OFFSET, control() | 1u));
        std::vector<Address> reads;
        for (uint32_t j = 0; j < v_.n_out; ++j) reads.push_back(ahb::read(kOut + 4 * j));
        reads.push_back(ahb::read(ACCEL_SOCKET_CYCLES_OFFSET));
        shuffle(reads);
        plan_.assign(weights.begin(), weights.end());
        plan_.insert(plan_.end(), steps.begin(), steps.end());
        plan_.insert(plan_.end(), reads.begin(), reads.end());
        for (auto& a : plan_)
            if (chance(30)) a.trans = ahb::kSeq;
    }

    // A word for CTRL; a new load spoils many plans: seldom, but while an inference runs.
    uint32_t control() {
        return rng_() & ~1u & (chance(model_.busy() ? 30 : 3) ? ~0u : ~ACCEL_SOCKET_CTRL_LOAD_MASK);
    }

    // An element of the vector; the bits above its width do not matter.
    uint32_t element(uint32_t i) {
        const uint32_t value = v_.x[size_t(vector_) * v_.n_in + i];
        return chance(50) ? value : (value & kInMask) | (uint32_t(rng_()) & ~kInMask);
    }

    void shuffle(std::vector<Address>& list) {
        for (size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[draw(uint32_t(i))]);
    }

    Address idle() {
        Address a = anything();
        a.trans = chance(50) ? ahb::kIdle : ahb::kBusy;
        return a;
    }

    Address status() { return ahb::read(ACCEL_SOCKET_STATUS_OFFSET); }

    // Any access to a place in the map, legal or not.
    Address anything() {
        const bool to_write = chance(50);
        uint32_t offset = 0;
        switch (draw(5)) {
            case 4: offset = kPort + 4 * draw(kPortWords); break;
            case 0: offset = kIn + 4 * draw(v_.n_in); break;
            case 1: offset = kOut + 4 * draw(v_.n_out); break;
            case 2: offset = kReadOnly[draw(std::size(kReadOnly))]; break;
            default: offset = kReadWrite[draw(2)]; break;
        }
        Address a = to_write ? ahb::write(offset, rng_()) : ahb::read(offset);
        // A start in the middle of loading the inputs spoils the plan: seldom.
        if (to_write && offset == ACCEL_SOCKET_CTRL_OFFSET) {
            a.data = control() | (a.data & 1u);
            if (!model_.busy() && !chance(3)) a.data &= ~1u;
        }
        // So does a word of the weights that the plan does not know of.
        const bool port = offset >= kPort && offset < kPort + 4 * kPortWords;
        if (to_write && port && !model_.busy() && !model_.weights_loaded() && !chance(1)) a.write = false;
        // So does another value of an input element: only values that the plan wants.
        if (to_write && offset >= kIn && !model_.busy() && !chance(3))
            a.data = element((offset - kIn) / 4);
        return a;
    }

    uint32_t outside() {
        const uint32_t edges[] = {kIn + 4 * v_.n_in, kIn - 4, kOut + 4 * v_.n_out, kOut - 4, 0xFFFC,
                                  ACCEL_SOCKET_WEIGHTS_CRC_OFFSET + 4, kPort - 4, kPort + 4 * kPortWords};
        return chance(50) ? edges[draw(std::size(edges))] : draw(0x4000) * 4;
    }

    Address spice() {
        Address a = anything();
        switch (draw(8)) {
            case 0: return idle();
            case 1: a.addr = uint16_t(outside()); break;
            case 2: a.size = uint8_t((ahb::kWord + 1 + draw(7)) % 8); break;
            case 3: a.addr = uint16_t(a.addr + 1 + draw(3)); break;
            case 4: a.select = false; break;
            default: break;
        }
        return a;
    }

    const ahb::Vectors& v_;
    const Model& model_;
    std::mt19937& rng_;
    std::deque<Address> plan_;
    uint32_t vector_ = 0;
    bool quiet_ = false;
};

// The bus: one master, the design under test, and another slave that takes its time.
class Bench {
public:
    // `cycles` is the engine's latency from start to done, `counter_max` where the cycle counter stays.
    Bench(ahb::Dut& dut, const ahb::Vectors& v, int seed, uint64_t cycles, uint32_t counter_max)
        : rng_(uint32_t(seed)), dut_(dut), model_(v, cycles, counter_max, coverage_), director_(v, model_, rng_) {}

    void run(uint64_t transfers) {
        power_up();
        while (transfers_ < transfers && !failures_.full()) {
            if (director_.draw(1000) == 0) mid_reset();
            model_.aim(director_.vector());
            cycle();
        }
    }

    void print() const {
        printf("{\"transfers\": %llu, \"clock_cycles\": %llu, ", static_cast<unsigned long long>(transfers_),
               static_cast<unsigned long long>(dut_.cycle()));
        coverage_.print_json();
        printf(", ");
        failures_.print_json();
        printf("}\n");
    }

private:
    void fail(const std::string& what) {
        const char* kind = data_.write ? "write" : "read";
        failures_.add("cycle " + std::to_string(dut_.cycle()) + ", " +
                      (data_.for_dut() ? kind + (" of " + ahb::hex(data_.addr)) : std::string("no transfer")) +
                      ": " + what);
    }

    void compare(const char* name, uint32_t got, uint32_t want) {
        if (got != want) fail(std::string(name) + " is " + ahb::hex(got) + ", expected " + ahb::hex(want));
    }

    // One clock cycle: the address phase `address_` beside the data phase `data_`.
    void cycle() {
        auto& pins = dut_.pins();
        dut_.drive(address_);
        pins.hwdata_i = data_.write ? data_.data : uint32_t(rng_());
        const Expected want = model_.answer(data_);
        const bool other = data_.active() && !data_.select;
        dut_.settle();
        const bool ready = other ? other_waits_ == 0 : bool(pins.hreadyout_o);
        pins.hready_i = ready;
        dut_.settle();
        compare("hreadyout_o", pins.hreadyout_o, want.ready);
        compare("hresp_o", pins.hresp_o, want.error);
        compare("irq_o", pins.irq_o, model_.irq());
        compare("req_in_o", pins.req_in_o, !model_.busy());
        compare("req_out_o", pins.req_out_o, model_.result());
        if (want.check_data) compare("hrdata_o", pins.hrdata_o, want.data);
        // A design that answers wrong is followed no further than the model goes.
        if (ready != (other ? other_waits_ == 0 : want.ready)) pins.hready_i = want.ready;
        model_.clock(data_);
        dut_.clock();
        advance(other ? other_waits_ == 0 : want.ready, want.error);
    }

    void advance(bool ready, bool error) {
        if (!ready) {
            if (error && director_.chance(50)) {  // The master may cancel after the first ERROR cycle.
                address_ = Address{};
                coverage_.hit("cancelled_after_error");
            } else if (other_waits_ > 0) {
                --other_waits_;
                coverage_.hit("hready_low_elsewhere");
                if (address_.for_dut()) coverage_.hit("waiting_for_the_bus");
                if (!address_.active()) address_ = director_.next();  // IDLE may become a transfer.
            } else if (error) {
                coverage_.hit("continued_after_error");
            }
            return;
        }
        if (address_.for_dut()) {
            ++transfers_;
            if (data_.for_dut()) coverage_.hit("back_to_back");
        } else if (address_.select) {
            coverage_.hit(address_.trans == ahb::kBusy ? "busy_transfer" : "idle_transfer");
        }
        data_ = address_;
        if (data_.active() && !data_.select) other_waits_ = director_.chance(60) ? director_.draw(6) : 0;
        address_ = director_.next();
    }

    // Outputs follow the reset at once, without a clock edge.
    void assert_reset() {
        auto& pins = dut_.pins();
        pins.hreset_ni = 0;
        pins.eval();
        model_.reset();
        director_.forget_plan();
        data_ = Address{};
        address_ = Address{};
        other_waits_ = 0;
        compare("hreadyout_o in reset", pins.hreadyout_o, 1);
        compare("hresp_o in reset", pins.hresp_o, 0);
        compare("irq_o in reset", pins.irq_o, 0);
    }

    void hold_reset(uint32_t cycles) {
        auto& pins = dut_.pins();
        for (uint32_t i = 0; i < cycles; ++i) {
            dut_.drive({true, ahb::kNonseq, ahb::kWord, true, uint16_t(rng_()), 0});
            pins.hwdata_i = uint32_t(rng_());
            pins.hready_i = 1;
            dut_.settle();
            compare("hreadyout_o in reset", pins.hreadyout_o, 1);
            compare("irq_o in reset", pins.irq_o, 0);
            dut_.clock();
        }
        pins.hreset_ni = 1;
    }

    void power_up() {
        dut_.pins().hclk_i = director_.chance(50);
        dut_.pins().eval();
        assert_reset();
        hold_reset(3);
    }

    void mid_reset() {
        coverage_.hit("reset");
        if (director_.chance(50)) dut_.settle();  // At any time of the clock period.
        assert_reset();
        hold_reset(director_.draw(4));
    }

    std::mt19937 rng_;
    ahb::Failures failures_;
    Coverage coverage_;
    ahb::Dut& dut_;
    Model model_;
    Director director_;
    Address address_, data_;
    uint32_t other_waits_ = 0;
    uint64_t transfers_ = 0;
};

}  // namespace protocol
