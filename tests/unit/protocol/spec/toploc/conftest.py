"""Everything here holds for both ways to compute: compiled and NumPy."""

import pytest

from cupel.protocol.spec.toploc import native


@pytest.fixture(autouse=True, params=["compiled", "numpy"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "numpy":
        monkeypatch.setattr(native, "IS_COMPILED", False)
    elif not native.IS_COMPILED:
        pytest.skip("the kernel was not compiled")
