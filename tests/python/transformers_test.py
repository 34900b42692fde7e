"""attn_implementation="stc" in small random models of Hugging Face Transformers, beside "eager".

usage: transformers_test.py FOLDER    (of the commands)
"""

import os
import sys
import unittest

sys.argv.pop()

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
try:
    import torch
    import transformers
    from transformers import masking_utils
except ImportError:
    print(
        "skipped: expected a Python with PyTorch and Transformers, found none; tools/test-torch.sh installs them",
        file=sys.stderr,
    )
    sys.exit(77)

import stc
import stc.transformers
from beside_masks import SEED, OwnCache

WINDOW = 8
SIZES = {
    "vocab_size": 64, "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": None,
    "eos_token_id": None, "attention_dropout": 0.0, "initializer_range": 0.2,
}  # fmt: skip
BOTH = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
# Of Mistral all layers have a window, of Gemma 3 and Qwen 3 some, of Llama none.
MODELS = {
    "Mistral": {"sliding_window": WINDOW},
    "Gemma3": {**BOTH, "query_pre_attn_scalar": 16},
    "Qwen3": {**BOTH, "use_sliding_window": True, "max_window_layers": 1},
    "Llama": {},
}


def model_of(name, **options):
    torch.manual_seed(SEED)
    config = getattr(transformers, f"{name}TextConfig" if name == "Gemma3" else f"{name}Config")
    causal = getattr(transformers, f"{name}ForCausalLM")
    return causal(config(**SIZES, **MODELS.get(name, {}), **options))


def with_each(model, what):
    """What a model gives with PyTorch's operations, and with stc."""
    results = []
    for implementation in ("eager", "stc"):
        model.set_attn_implementation(implementation)
        results.append(what(model))
    return results


def tokens(positions, batch=2):
    return torch.randint(1, 64, (batch, positions), generator=torch.Generator().manual_seed(SEED))


class Transformers(OwnCache):
    def assert_same(self, results, tolerance=1e-4):
        torch.testing.assert_close(results[1], results[0], atol=tolerance, rtol=tolerance)

    def refused(self, words, what):
        with self.assertRaisesRegex(ValueError, f"attn_implementation='stc': expected {words}"):
            what()

    # -- As eager --------------------------------------------------------------------------------

    def test_logits_and_gradients(self):
        def trained(model, ids):
            model.zero_grad()
            result = model(ids, labels=ids)
            result.loss.backward()
            return [result.logits.detach(), *(parameter.grad.clone() for parameter in model.parameters())]

        for name in MODELS:
            model = model_of(name)
            for positions in (WINDOW - 3, WINDOW, WINDOW + 1, 3 * WINDOW):
                with self.subTest(name, positions=positions):
                    self.assert_same(with_each(model, lambda m: trained(m, tokens(positions))))

    def test_generation(self):
        for name in MODELS:
            model = model_of(name).eval()
            for cache in (None, "static"):
                for positions in (1, WINDOW - 3, 2 * WINDOW):
                    options = {"max_new_tokens": 2 * WINDOW, "do_sample": False, "cache_implementation": cache}
                    with self.subTest(name, cache=cache, positions=positions):
                        expected, found = with_each(model, lambda m: m.generate(tokens(positions), **options))
                        self.assertEqual(found.tolist(), expected.tolist())
                        self.assertEqual(found.shape[1], positions + 2 * WINDOW)

    def test_a_prompt_in_parts(self):
        def in_parts(model):
            cache, ids = transformers.DynamicCache(config=model.config), tokens(3 * WINDOW)
            with torch.no_grad():
                parts = [model(part, past_key_values=cache, use_cache=True).logits for part in ids.split((5, 11, 1, 7), dim=1)]
                return [torch.cat(parts, dim=1), model(ids).logits]

        for name in MODELS:
            with self.subTest(name):
                eager, ours = with_each(model_of(name).eval(), in_parts)
                self.assert_same([eager, ours])
                self.assert_same(ours)

    def test_padding_behind_the_sequences(self):
        ids, padding = tokens(2 * WINDOW), torch.ones(2, 2 * WINDOW, dtype=torch.int64)
        padding[0, 11:] = 0
        for name in MODELS:
            with self.subTest(name), torch.no_grad():
                model = model_of(name)
                expected = model(ids, attention_mask=padding).logits
                model.set_attn_implementation("stc")
                self.assert_same([expected[padding == 1], model(ids).logits[padding == 1]])

    def test_both_ways(self):
        for name in ("Llama", "Mistral"):
            model = model_of(name, is_causal=False)
            for positions in (WINDOW, 3 * WINDOW):
                with self.subTest(name, positions=positions), torch.no_grad():
                    one, other = with_each(model, lambda m: m(tokens(positions), use_cache=False).logits)
                    self.assert_same([one, other])
                    self.assertFalse(torch.allclose(one[:, 0], model_of(name)(tokens(positions)).logits[:, 0]))

    def test_ones_as_a_mask(self):
        model, ids = model_of("Mistral"), tokens(3 * WINDOW)
        model.set_attn_implementation("stc")
        with torch.no_grad():
            self.assertTrue(torch.equal(model(ids, attention_mask=torch.ones_like(ids)).logits, model(ids).logits))

    def test_compiled_layers(self):
        model, ids = model_of("Qwen3"), tokens(3 * WINDOW)
        model.set_attn_implementation("stc")
        expected = model(ids, use_cache=False).logits
        for layer in model.model.layers:
            layer.compile(fullgraph=True, backend="aot_eager")
        found = model(ids, use_cache=False).logits
        self.assert_same([expected, found])
        found.sum().backward()

    # -- Masks -----------------------------------------------------------------------------------

    def test_window(self):
        """Transformers issue 29623: a window of 2048 keys, and not 2049."""
        config = transformers.MistralConfig(sliding_window=2048, attn_implementation="stc")
        n = 1_000_000
        embeddings = torch.empty(1, n, 0)
        mask = masking_utils.create_sliding_window_causal_mask(config, embeddings, None, None)
        pattern = stc.Pattern(mask.pattern)
        self.assertTrue(pattern.equals(stc.local(2047), n))
        self.assertEqual(pattern.pairs(4096) - pattern.pairs(4095), 2048)
        self.assertEqual(mask.shape, (1, 1, n, n))
        self.assertEqual(mask.pattern, "{ [i] -> [j] : j > i - 2048 and j <= i }")
        mask = masking_utils.create_causal_mask(config, embeddings, None, None)
        self.assertTrue(stc.Pattern(mask.pattern).equals(stc.dense(), n))
        self.assertIs(mask.to("cpu"), mask)

    def test_what_a_window_reads(self):
        model = model_of("Mistral", attn_implementation="stc")
        model.model.layers = model.model.layers[:1]
        ids = tokens(3 * WINDOW)
        embeddings = model.get_input_embeddings()(ids).detach().requires_grad_()
        model(inputs_embeds=embeddings).logits[:, 20].sum().backward()
        read = embeddings.grad.abs().sum(dim=(0, 2)).nonzero().flatten().tolist()
        self.assertEqual(read, list(range(20 - WINDOW + 1, 21)))

    def test_functions_of_transformers_as_patterns(self):
        window = masking_utils.sliding_window_causal_mask_function(5)
        either = masking_utils.or_masks(window, lambda b, h, i, j: j == 0)
        self.assertTrue(stc.Pattern(either).equals(stc.local(4) | stc.Pattern("{ [i] -> [j] : j = 0 }"), 100))

    # -- What is refused -------------------------------------------------------------------------

    def test_models_that_are_refused(self):
        ids = tokens(2 * WINDOW)
        for name, words, options in [
            ("Gemma2", "scores without a soft cap, found softcap, 50.0", {}),
            ("GptOss", "a softmax without sinks, found s_aux, a tensor of .4.", {"num_local_experts": 2}),
        ]:
            with self.subTest(name):
                model = model_of(name, attn_implementation="stc", **options)
                self.refused(words, lambda: model(ids))
        model = model_of("Mistral", attn_implementation="stc")
        for layer in model.model.layers:
            layer.self_attn.attention_dropout = 0.1
        self.refused("no dropout of weights, found 0.1: the model's configuration", lambda: model(ids))
        model.eval()(ids)

    def test_calls_that_are_refused(self):
        model, ids = model_of("Qwen3", attn_implementation="stc").eval(), tokens(2 * WINDOW)
        padding = torch.ones_like(ids)
        padding[0, :3] = 0
        self.refused("an attention_mask of ones, found 3 of 32 positions masked", lambda: model(ids, padding))
        self.refused(
            "an attention_mask of ones, found 3 of 32",
            lambda: model.generate(ids, attention_mask=padding, max_length=20),
        )
        packed = torch.arange(2 * WINDOW).remainder(5)[None]
        self.refused(
            "a mask that depends on positions alone, and one sequence in each row of the batch",
            lambda: model(ids, position_ids=packed, use_cache=False),
        )
        everything = torch.zeros(2, 1, 2 * WINDOW, 2 * WINDOW)
        self.refused("the mask that the model makes of positions, found one of .2, 1,", lambda: model(ids, everything))
        self.refused(
            "one sequence in each row of the batch, found cu_seq_lens_q, a tensor of .2.",
            lambda: model(ids, cu_seq_lens_q=torch.tensor([0, 32])),
        )

    def test_layers_that_are_refused(self):
        module = torch.nn.Identity()
        q, k = torch.randn(1, 2, 6, 8), torch.randn(1, 2, 9, 8)
        forward = stc.transformers.attention_forward
        self.refused(
            "no output of the weights of attention, found output_attentions, True",
            lambda: forward(module, q, q, q, None, output_attentions=True),
        )
        self.refused(
            "scores without a bias, found position_bias, a tensor of .1, 2, 6, 6.",
            lambda: forward(module, q, q, q, None, position_bias=torch.zeros(1, 2, 6, 6)),
        )
        self.refused("a mask, .* found none with 6 queries, 9 keys", lambda: forward(module, q, k, k, None))
        self.refused(
            "a mask, .* found none with 6 queries, 6 keys, is_causal=False and sliding_window=3",
            lambda: forward(module, q, q, q, None, sliding_window=3, is_causal=False),
        )
        self.refused(
            "a mask, .* found none with 1 queries, 9 keys, is_causal=True and sliding_window=3",
            lambda: forward(module, q[:, :, :1], k, k, None, sliding_window=3),
        )
        mask = stc.transformers.mask(1, 9, 9, mask_function=masking_utils.causal_mask_function)
        self.refused("9 queries and 9 keys, as the mask has, found 6 and 9", lambda: forward(module, q, k, k, mask))

    def test_layers_without_a_mask(self):
        q, k, v = torch.randn(3, 2, 2, 6, 8).unbind()
        reads = torch.nn.functional.scaled_dot_product_attention
        forward, module = stc.transformers.attention_forward, torch.nn.Identity()
        window = torch.tensor(stc.local(2).mask(6))
        for found, expected in [
            (forward(module, q, k, v, None), reads(q, k, v, is_causal=True)),
            (forward(module, q, k, v, None, sliding_window=3), reads(q, k, v, attn_mask=window)),
            (forward(module, q, k, v, None, is_causal=False), reads(q, k, v)),
            (forward(module, q, k[:, :, :4], v[:, :, :4], None, is_causal=False), reads(q, k[:, :, :4], v[:, :, :4])),
            (forward(module, q[:, :, :1], k, v, None, sliding_window=6), reads(q[:, :, :1], k, v)),
        ]:
            self.assertIsNone(found[1])
            self.assert_same([expected.transpose(1, 2), found[0]])


if __name__ == "__main__":
    unittest.main(warnings="ignore")
