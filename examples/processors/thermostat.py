"""Drops what a broken sensor reports and adds the dew point to the rest."""

import math

ABSOLUTE_ZERO = -273.15


def process(event):
    """One event in, one event out; None drops it, a list makes several of it."""
    data = event["data"]
    temperature, humidity = data.get("temperature"), data.get("humidity")
    if temperature is not None and temperature < ABSOLUTE_ZERO:
        return None
    if temperature is not None and humidity:
        data["dew_point"] = round(dew_point(temperature, humidity), 2)
    return event


def dew_point(temperature, humidity):
    """Degrees Celsius, from degrees Celsius and relative humidity in percent (Magnus formula)."""
    magnus = math.log(humidity / 100) + 17.62 * temperature / (243.12 + temperature)
    return 243.12 * magnus / (17.62 - magnus)
