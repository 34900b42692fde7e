func.func @attend(%q: tensor<1x20x2x16xf32> {stc.name = "query"}, %k: tensor<1x20x2x16xf32> {stc.name = "key"},
                  %v: tensor<1x20x2x16xf32> {stc.name = "value"}) -> (tensor<1x20x2x16xf32> {stc.name = "output"}) {
  %s = stc.scores %q, %k : tensor<1x20x2x16xf32>, tensor<1x20x2x16xf32>
      -> tensor<1x2x20x20xf32, #stc.pattern<"strided(4)">>
  %p = stc.softmax %s : tensor<1x2x20x20xf32, #stc.pattern<"strided(4)">>
  %o = stc.aggregate %p, %v : tensor<1x2x20x20xf32, #stc.pattern<"strided(4)">>, tensor<1x20x2x16xf32> -> tensor<1x20x2x16xf32>
  return %o : tensor<1x20x2x16xf32>
}
