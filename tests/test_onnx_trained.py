"""Trained models that packages on PyPI carry, beside ONNX Runtime; skipped where they are missing.

pip install onnxruntime && pip install --no-deps rapidocr-onnxruntime silero-vad magika
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

import convpool

OCR = "rapidocr_onnxruntime/models/"
VAD = "silero_vad/data/"


def photo(width, height):
    """A page of text as a batch of one, from -1 to 1."""
    page = Image.fromarray(data.page()).convert("RGB").resize((width, height))
    return (np.asarray(page).astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None].copy()


def sound(samples):
    return 0.1 * np.random.default_rng(0).standard_normal((1, samples)).astype(np.float32)


STATE = np.zeros((2, 1, 128), np.float32)
RATE = np.array(16000)
CASES = {
    "text: which way up": (OCR + "ch_ppocr_mobile_v2.0_cls_infer.onnx", {"x": photo(192, 48)}),
    "text: where": (OCR + "ch_PP-OCRv4_det_infer.onnx", {"x": photo(384, 192)}),
    "text: what": (OCR + "ch_PP-OCRv4_rec_infer.onnx", {"x": photo(320, 48)}),
    "text: what, wider": (OCR + "ch_PP-OCRv4_rec_infer.onnx", {"x": photo(400, 48)}),
    "speech": (VAD + "silero_vad.onnx", {"input": sound(576), "state": STATE, "sr": RATE}),
    "speech, no If": (
        VAD + "silero_vad_op18_ifless.onnx",
        {"input": sound(576), "state": STATE, "sr": RATE},
    ),
    "kind of file": (
        "magika/models/standard_v3_3/model.onnx",
        {"bytes": np.arange(4096, dtype=np.int32).reshape(2, 2048) % 251},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_trained_model(name):
    onnxruntime = pytest.importorskip("onnxruntime")
    place, feeds = CASES[name]
    package, _, inner = place.partition("/")
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    path = Path(found.submodule_search_locations[0], inner)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    expected = session.run(None, feeds)
    net = convpool.load_onnx(path)
    for _ in range(2):
        for result, wanted in zip(net.run(feeds).values(), expected, strict=True):
            assert (result.shape, result.dtype) == (wanted.shape, wanted.dtype)
            np.testing.assert_allclose(result, wanted, rtol=0, atol=1e-3 * np.abs(wanted).max())
            if name == "text: where":
                assert np.mean((result > 0.3) == (wanted > 0.3)) > 0.9999
            else:
                np.testing.assert_array_equal(result.argmax(-1), wanted.argmax(-1))
