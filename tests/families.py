"""Tiny models of other families: random weights, a hand-made vocabulary.

Each function returns a tokenizer and a model in eval mode, on seeded random weights.
Does not imitate a family's own vocabulary: only its special tokens, its padding and its
positions are real.
"""

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    GPT2Config,
    GPT2Model,
    MPNetConfig,
    MPNetModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2Model,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5Model,
    XLNetConfig,
    XLNetModel,
)

VOCABULARY = "a man two dogs run plays the wet grass old house word . , é 猫 s"


def tokenizer(template: str, special: list[str], limit: int | None, **options):
    """A tokenizer of whole words; template as in "[CLS] $A [SEP]" says what is added.

    special: the special tokens in the order of their ids, the unknown one the last.
    """
    vocabulary = {token: i for i, token in enumerate([*special, *VOCABULARY.split()])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token=special[-1]))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    named = [(token, vocabulary[token]) for token in special if token in template]
    if named:
        backend.post_processor = processors.TemplateProcessing(
            single=template, special_tokens=named
        )
    if limit:
        options["model_max_length"] = limit
    options["unk_token"] = special[-1]
    made = PreTrainedTokenizerFast(tokenizer_object=backend, **options)
    made.add_special_tokens({"extra_special_tokens": special})
    return made


SIZE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SHORT = {"intermediate_size": 32, "vocab_size": 40}


def bert(limit=12):
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    torch.manual_seed(0)
    config = BertConfig(**SIZE, **SHORT, max_position_embeddings=16)
    return (
        tokenizer("[CLS] $A [SEP]", special, limit, pad_token="[PAD]"),
        BertModel(config).eval(),
    )


def distilbert(limit=12):
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    torch.manual_seed(0)
    config = DistilBertConfig(
        dim=16, hidden_dim=32, n_layers=2, n_heads=2, vocab_size=40
    )
    made = tokenizer("[CLS] $A [SEP]", special, limit, pad_token="[PAD]")
    return made, DistilBertModel(config).eval()


def roberta(limit=None):
    """514 positions, of which 512 can be used: like the real one, but smaller."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    torch.manual_seed(0)
    config = RobertaConfig(
        **SIZE, **SHORT, max_position_embeddings=16, pad_token_id=1, type_vocab_size=1
    )
    made = tokenizer("<s> $A </s>", special, limit, pad_token="<pad>")
    return made, RobertaModel(config).eval()


def mpnet(limit=None):
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    torch.manual_seed(0)
    config = MPNetConfig(**SIZE, **SHORT, max_position_embeddings=16, pad_token_id=1)
    made = tokenizer("<s> $A </s>", special, limit, pad_token="<pad>")
    return made, MPNetModel(config).eval()


def xlnet(limit=12):
    """Pads on the left, [CLS] last, with a token type of its own."""
    special = ["<pad>", "<sep>", "<cls>", "<unk>"]
    torch.manual_seed(0)
    config = XLNetConfig(vocab_size=40, d_model=16, n_layer=2, n_head=2, d_inner=32)
    made = tokenizer(
        "$A:0 <sep>:0 <cls>:2",
        special,
        limit,
        pad_token="<pad>",
        padding_side="left",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    return made, XLNetModel(config).eval()


def t5(limit=12):
    """Encoder and decoder, as it is published."""
    special = ["<pad>", "</s>", "<unk>"]
    torch.manual_seed(0)
    config = T5Config(
        **dict(vocab_size=40, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2),
        decoder_start_token_id=0,
    )
    return tokenizer("$A </s>", special, limit, pad_token="<pad>"), T5Model(
        config
    ).eval()


def gpt2(limit=12, pad_token="<pad>"):
    """A decoder that adds no special token, and whose "" has no token at all."""
    special = ["<pad>", "<|endoftext|>"]
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=40, n_positions=16, n_embd=16, n_layer=2, n_head=2)
    return tokenizer("$A", special, limit, pad_token=pad_token), GPT2Model(
        config
    ).eval()


def qwen2(limit=12):
    """A decoder with rotary positions, padded on the left."""
    special = ["<pad>", "<eos>", "<unk>"]
    torch.manual_seed(0)
    config = Qwen2Config(
        **SIZE, **SHORT, num_key_value_heads=1, max_position_embeddings=16
    )
    made = tokenizer("$A <eos>", special, limit, pad_token="<pad>", padding_side="left")
    return made, Qwen2Model(config).eval()


FAMILIES = {f.__name__: f for f in (bert, distilbert, roberta, mpnet, t5, gpt2, qwen2)}


def save(family, folder, **options):
    """A folder as AutoModel and AutoTokenizer leave it, without modules.json."""
    made, model = family(**options)
    model.save_pretrained(folder)
    made.save_pretrained(folder)
    return folder
