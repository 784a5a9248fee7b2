// SPDX-License-Identifier: Apache-2.0
//
// Carries of adders and counters by Sklansky's prefix tree, the fewest levels: after level k each bit knows what
// comes out of the 2^k bits that it is the upper half of. Yosys' techmap puts it in the place of its own tree of
// Brent and Kung, which takes nearly twice as many levels.

(* techmap_celltype = "$lcu" *)
module _80_asicflow_sklansky (P, G, CI, CO);
  parameter WIDTH = 2;

  (* force_downto *)
  input [WIDTH-1:0] P;    // A bit passes a carry on
  (* force_downto *)
  input [WIDTH-1:0] G;    // A bit makes a carry
  input CI;               // Carry into bit 0
  (* force_downto *)
  output [WIDTH-1:0] CO;  // Carry out of each bit

  integer half, k;
  (* force_downto *)
  reg [WIDTH-1:0] p, g;

  wire [1023:0] _TECHMAP_DO_ = "proc; opt -fast";

  always @* begin
    p = P;
    g = G;
    g[0] = G[0] | (P[0] & CI);
    for (half = 1; half < WIDTH; half = 2 * half) begin
      for (k = half; k < WIDTH; k = k + 1) begin
        if ((k / half) % 2 == 1) begin  // the upper half of a block
          g[k] = g[k] | (p[k] & g[(k / half) * half - 1]);
          p[k] = p[k] & p[(k / half) * half - 1];
        end
      end
    end
  end

  assign CO = g;
endmodule
