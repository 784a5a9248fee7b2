// SPDX-License-Identifier: Apache-2.0
//
// Program counter and prefetch of two words. The word at address A is kept in slot A[2], so the
// program counter alone says where an instruction is and what to fetch next.

module armv6m_fetch (
  input  logic        clk_i,     // Clock
  input  logic        rst_ni,    // Reset, active low, asynchronous assertion
  input  logic        ready_i,   // HREADY: nothing moves without it

  // Program counter
  input  logic        load_i,    // Go to target_i; drops the prefetched words
  input  logic [31:1] target_i,  // Where to go
  input  logic        step_i,    // Go to next_o
  output logic [31:1] pc_o,      // Address of the current instruction
  output logic [31:1] pc4_o,     // pc_o + 4, what an instruction reads as PC
  output logic [31:1] next_o,    // Address of the following instruction

  // Current instruction
  output logic [15:0] first_o,   // First halfword
  output logic [15:0] second_o,  // Second halfword of a 32-bit instruction
  output logic        valid_o,   // All of it is here
  output logic        fault_o,   // Part of it could not be fetched

  // Bus
  output logic        req_o,     // A word is wanted
  output logic [31:2] addr_o,    // Its address
  input  logic        issue_i,   // A fetch has its address phase now (this one, or a branch target)
  input  logic        slot_i,    // Bit 2 of its address
  input  logic        done_i,    // A fetch ends its data phase now (if ready_i)
  input  logic [31:0] rdata_i,   // Fetched word
  input  logic        error_i    // It is a bus error
);

  logic [31:1] pc_q;
  logic [31:2] ahead;           // Word after the current one
  logic [31:0] word0_q, word1_q;  // Slots 0 and 1
  logic [31:0] word_here;
  logic [15:0] half_there;
  logic [1:0]  valid_q;
  logic [1:0]  fault_q;
  logic        slot_q;          // Slot of the word in its data phase
  logic        here, there;     // Current word's slot, the other slot
  logic        need_here, need_there;
  logic        wide;            // The instruction has 32 bits
  logic        there_used;


  /////////////////////
  // Program counter //
  /////////////////////

  assign here   = pc_q[2];
  assign there  = ~pc_q[2];
  assign ahead  = pc_q[31:2] + 30'd1;
  assign pc_o   = pc_q;
  assign pc4_o  = {ahead, pc_q[1]};
  assign next_o = {(pc_q[1] | wide) ? ahead : pc_q[31:2], pc_q[1] ^ ~wide};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      pc_q <= '0;
    end else if (ready_i) begin
      if (load_i) begin
        pc_q <= target_i;
      end else if (step_i) begin
        pc_q <= next_o;
      end
    end
  end

  /////////////////
  // Instruction //
  /////////////////

  assign word_here  = here ? word1_q : word0_q;
  assign half_there = here ? word0_q[15:0] : word1_q[15:0];
  assign first_o    = pc_q[1] ? word_here[31:16] : word_here[15:0];
  assign second_o   = pc_q[1] ? half_there : word_here[31:16];
  assign wide     = first_o[15:11] >= 5'b11101;
  assign there_used = wide & pc_q[1] & ~fault_q[here];
  assign valid_o    = valid_q[here] & (valid_q[there] | ~there_used);
  assign fault_o    = fault_q[here] | (there_used & fault_q[there]);

  //////////////
  // Prefetch //
  //////////////

  assign need_here  = ~valid_q[here] & ~(done_i & (slot_q == here));
  assign need_there = ~valid_q[there] & ~(done_i & (slot_q == there));
  assign req_o      = need_here | need_there;
  assign addr_o     = need_here ? pc_q[31:2] : ahead;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= 2'b00;
    end else if (ready_i) begin
      if (done_i) begin
        valid_q[slot_q] <= 1'b1;
      end
      if (step_i & (next_o[2] != pc_q[2])) begin
        valid_q[here] <= 1'b0;
      end
      if (load_i) begin
        valid_q <= 2'b00;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (ready_i) begin
      if (done_i) begin
        fault_q[slot_q] <= error_i;
        if (slot_q) begin
          word1_q <= rdata_i;
        end else begin
          word0_q <= rdata_i;
        end
      end
      if (issue_i) begin
        slot_q <= slot_i;
      end
    end
  end

endmodule
